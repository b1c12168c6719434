"""Searching one user's words: text analysis, vectors, the index in RAM, and the ranking."""
