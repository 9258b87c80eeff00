"""The code of both functions: login events into one record per user, and the one question asked of it."""
