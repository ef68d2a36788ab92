"""A crowd of clients in every dialect, while upstream fails and CLIs are killed: no answer is
wrong, no conversation holds anything of another, and nothing is left.

`python -m tests.soak --minutes N` prints what was done and what was found.
"""
