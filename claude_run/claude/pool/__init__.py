"""Who gets which session, and which processes there are."""
