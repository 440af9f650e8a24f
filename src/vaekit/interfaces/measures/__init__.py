"""Measures besides the bounds: how each one is computed, and the lines that print it.

measure    what a measure is;  general  those of any model;  deep  all of them
"""
