"""Chapters of checks: a file for each group of pathologies, with its `CHECKS` and what they prescribe."""
