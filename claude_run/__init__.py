"""Run any program that speaks OpenAI's API on your Claude subscription."""

from typing import Final

__version__: Final = "0.1.0"
