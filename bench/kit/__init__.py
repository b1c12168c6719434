"""What the benchmarks share: texts, sides measured in turn, results with their goals, peers."""
