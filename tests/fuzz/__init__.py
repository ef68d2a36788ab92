"""Bodies and bytes that nobody would send, and what must hold for the answer to every one:
a success, or a 4xx in the error envelope; never a 5xx, never a hang.

`python -m tests.fuzz --minutes N` goes on for as long as it is told, and prints what it tried.
Whatever it ever found stands in `found.py` and is tried first.
"""
