"""What claude-run has to say."""

from claude_run.stderr import say

__all__ = ["say"]
