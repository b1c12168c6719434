"""Texts to vectors: the contract, the model in the package, and how to open one by name."""
