"""`claude_run.turn` carried out by the Claude Agent SDK and the CLI it bundles."""
