"""Measures beside the bounds: what is computed, and the lines that print it.

measure    what a measure is;  general  those of any model;  deep  all of them
"""
