"""One live Claude Code process: how it starts, what it is made to be, what it is told."""
