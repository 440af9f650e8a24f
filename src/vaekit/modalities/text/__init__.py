"""Texts: the description of a text VAE, what is chosen by itself, recipes, and how texts are opened."""
