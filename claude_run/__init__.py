"""Run any program that speaks OpenAI's API on your Claude subscription."""
