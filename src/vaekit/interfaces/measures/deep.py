"""All measures of a trained model: those of any model, and those of its kind of data."""

from __future__ import annotations

from typing import Any

from vaekit.errors import DataNotAtHand, NotApplicable
from vaekit.interfaces.measures.general import GENERAL
from vaekit.interfaces.measures.measure import Look, Measure, Summary
from vaekit.interfaces.media import MEDIA
from vaekit.trained import Source, TrainedModel

__all__ = ["NO_LATENTS", "deep", "deep_lines", "measures_of"]

NO_LATENTS = "a language model has no latents"
"""Why a language model has no measures of latents."""


def measures_of(kind: str) -> tuple[Measure, ...]:
    """Return every measure of a kind of data."""
    return (*GENERAL, *MEDIA[kind].measures)


def deep(trained: TrainedModel, source: Source | None = None) -> dict[str, Any]:
    """Return every measure on the test part of a model's own data, or on `source`.

    Args:
        trained: The model; it stays as it is.
        source: Other data.

    Returns:
        The measures by their names, each plain numbers or None, and under `why` the reason of each that is None.

    Raises:
        ValueError: The data do not fit the model, there are none, or the weights are not finite.
    """
    look = Look.at(trained, source)
    if not len(look.rows):
        raise ValueError("there are no data to measure on; give some")
    broken = [name for name, weight in trained.model.state_dict().items() if not bool(weight.isfinite().all())]
    if broken:
        raise ValueError(f"nothing can be measured: weights are not finite (the first is {broken[0]}); run fit again")
    found: dict[str, Any] = {}
    why: dict[str, str] = {}
    for measure in measures_of(trained.kind):
        try:
            if measure.reads_latents and not trained.view.traits.latents:
                raise NotApplicable(NO_LATENTS)
            found[measure.name] = measure.value(look)
        except (NotApplicable, DataNotAtHand, OSError) as error:
            found[measure.name], why[measure.name] = None, str(error)
    return found | {"why": why}


def deep_lines(kind: str, found: Summary) -> list[str]:
    """Return the lines that print the result of `deep`, one or two per measure, or why there is none."""
    return [line for measure in measures_of(kind) for line in _titled(measure, found)]


def _titled(measure: Measure, found: Summary) -> list[str]:
    value = found[measure.name]
    lines = [f"none: {found['why'][measure.name]}"] if value is None else measure.lines(value)
    return [f"{measure.name if i == 0 else '':<16}{line}" for i, line in enumerate(lines)]
