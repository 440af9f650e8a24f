"""Describing an experiment: its keys, how they are typed, and how the others are chosen.

experiment    the complete settings;  planning  the automatic choices
keys          every key with its meaning;  parsing, typed, decoding  from words to values
layers        the layers of a model in words;  words  numbers and durations in words
"""
