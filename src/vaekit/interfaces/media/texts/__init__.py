"""Texts: lines, exhibits of the report, and their measures."""
