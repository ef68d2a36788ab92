"""Answers held against what their vendors publish: their APIs' descriptions, their clients' types.

What a test is answered passes through `watching`; `answers` knows what it should be;
`descriptions` finds what is missing or of a wrong kind, `types` what no vendor has.
"""
