"""The command line: one verb per thing a user wants done; nothing here imports torch before a verb needs it."""

from vaekit.interfaces.cli.app import app
from vaekit.interfaces.cli.entry import main

__all__ = ["app", "main"]
