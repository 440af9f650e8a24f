"""Images: the description of an image VAE, what is chosen by itself, and how images are opened."""
