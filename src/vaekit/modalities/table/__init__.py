"""Tables: the description of a table VAE, automatic choices, goals, missing cells, fixed values, and how tables are opened."""
