"""`python -m claude_run` is `claude-run`."""

from claude_run.cli import main

main()
