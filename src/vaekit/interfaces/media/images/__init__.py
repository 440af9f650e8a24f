"""Images: PNG files, sheets of them, and their measures."""
