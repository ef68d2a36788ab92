"""The bridge process: what listens, guards, routes and is leashed to the wrapper."""
