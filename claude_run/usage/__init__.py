"""What a run used: the ledger, and what reads it."""
