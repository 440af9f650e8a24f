"""Benchmarks: scripts that each answer one question, and `results/`, where the answers are kept with machine and date."""
