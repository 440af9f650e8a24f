"""What was begun in a run folder, so that it can be finished."""

from __future__ import annotations

from typing import Literal

from vaekit.heads import AnyPrior
from vaekit.value import Value

__all__ = ["Begun"]


class Begun(Value):
    """What was begun in a run folder: the file `begun.json`, written before all else."""

    command: Literal["fit", "fit-prior"] = "fit"
    """The command."""
    notes: tuple[str, ...] = ()
    """What the evaluation says first."""
    run: str = ""
    """The folder of the run whose prior is fitted anew."""
    prior: AnyPrior | None = None
    """That prior."""
    attempts: tuple[str, ...] = ()
    """The names of the folders in which `auto_fix` trains again."""
