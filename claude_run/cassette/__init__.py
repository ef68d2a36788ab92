"""Answers of Claude's, recorded once and replayed anywhere.

A *cassette* is a directory. A *recording* is one request in it, with its answers in the order
in which they were asked for: one file. A *document* is the neutral request as JSON, and what a
request is known by is the hash of that. A *miss* is a request that nothing recorded answers.
"""
