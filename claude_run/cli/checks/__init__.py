"""What `claude-run check` looks at."""
