"""Rubbish for the command line: mutated files, crafted files and random command lines, and what became of each."""
