"""A bridge: OpenAI's API on loopback, answered by Claude, for as long as somebody wants it.

`bridge` is what a program holds, `process` the process behind it, `face` what can be asked of any
bridge that serves, whoever has started it.
"""

from claude_run.bridge.bridge import Bridge
from claude_run.bridge.errors import AnswerError, BridgeError

__all__ = ["AnswerError", "Bridge", "BridgeError"]
