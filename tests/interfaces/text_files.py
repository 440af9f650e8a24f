"""Small files of texts, and keys of a model of them that trains in no time."""

TINY = [
    *("steps=3", "net=gru", "net.hidden=8", "net.embedding=4", "net.encoder_layers=1"),
    *("latent=2", "precision=fp32", "device=cpu"),
]
"""Keys of a model of texts that trains in no time."""


def captions(path, count=60, classes=("even", "odd")):
    """Write a table of captions, and of what else tables have; return its path."""
    rows = [f"{i},a cat of {i % 7} years,writer {i % 3},{classes[i % len(classes)]}" for i in range(count)]
    path.write_text("\n".join(["id,caption,author,parity", *rows]))
    return path


def lines(path, *texts):
    """Write a text on each line; return the path."""
    path.write_text("".join(f"{text}\n" for text in texts))
    return path
