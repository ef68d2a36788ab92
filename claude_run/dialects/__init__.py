"""OpenAI's wire formats, translated to and from `claude_run.turn`. Pure, and ignorant of Claude."""
