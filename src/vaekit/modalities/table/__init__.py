"""Tables: the description of a table VAE, what is chosen by itself, goals, missing and given cells, and how tables are opened."""
