"""The command line: one verb per thing a user wants done; nothing here imports torch before a verb needs it."""

from vaekit.interfaces.cli.app import app as app
from vaekit.interfaces.cli.entry import main as main
