"""Describing an experiment: its keys, how they are typed, and how those left open are chosen.

experiment    the resolved description;  planning  what is chosen, and why
keys          every key with its meaning;  parsing, typed  from words to values
layers        the layers of a model in words
"""
