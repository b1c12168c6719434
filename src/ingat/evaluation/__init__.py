"""Evaluation: known conversations with questions, brought into a memory, and how well it recalls what answers them."""
