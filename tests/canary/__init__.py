"""Which of the facts that the design rests on hold for the SDK and the CLI that are installed.

`python -m tests.canary` tries each with the real CLI against an upstream on loopback, and prints
one table; a new version of either that broke something is told by name.
"""
