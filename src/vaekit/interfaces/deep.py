"""All that can be measured of a run beside its bounds: plain numbers with their names, errors and caps.

What does not exist for a run (the probes without labels, the mutual information of a point mass) is null, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vaekit.data import Dataset, TextSchema, as_stored, unpacked
from vaekit.diagnosis import Sample, Subject
from vaekit.diagnosis.affordable import affordable
from vaekit.distributions import Transported
from vaekit.evaluation import (
    Chains,
    Coded,
    amortization,
    annealed,
    bounds,
    disentanglement,
    fidelity,
    information,
    probes,
)
from vaekit.interfaces.deep_texts import in_batches, overlap, text_samples
from vaekit.interfaces.language_model import NO_LATENTS, is_language_model
from vaekit.interfaces.run import Run, Source
from vaekit.models import evaluating

__all__ = ["PARTS", "TEXT_PARTS", "deep"]

_MOST = 10_000  # data of the mixture behind the mutual information, whose cost grows with their square
_INVERTED = 500  # the same where every density needs a flow to be inverted
_CODED = 5_000  # data that classifiers of latents are trained on, and tested on
_SHOWN = 2_000  # images or texts that are compared with reconstructions or samples
_REFINED = 256  # data that have chains or a posterior of their own
_CHAINS = Chains()
_STEPS = 100  # of refinement
_GRADIENT = 3  # what a decoding with its gradient costs, in decodings
_PATIENCE = 10  # times what a doctor's visit may cost
_BATCH = 100
_UNITS = {"text": ("token", "texts"), "table": ("variable", "rows of a table")}
"""What a dimension and what the data are called, where they are no images."""


@dataclass(frozen=True)
class _Look:
    """What is looked at.

    Args:
        run: The run.
        data: The data it is measured on.
        rows: Which of them, in an order that says nothing about them.
    """

    run: Run
    data: Dataset
    rows: Tensor

    @classmethod
    def at(cls, run: Run, source: Source | None) -> _Look:
        data, rows = run.open(source)
        return cls(run, data, rows if source is None else data.drawn("all"))

    @property
    def is_text(self) -> bool:
        return isinstance(self.run.schema, TextSchema)

    def require_images(self) -> None:
        """Refuse what is of images.

        Raises:
            ValueError: The data are texts or rows.
        """
        if self.run.kind != "image":
            raise ValueError(f"this is measured of images, and these data are {_UNITS[self.run.kind][1]}")

    def some(self, count: int) -> Dataset:
        return self.data.taken(self.rows[:count])

    def given(self, count: int) -> tuple[Tensor, ...]:
        return self.run.given(self.some(count))

    def refined(self, passes: int) -> tuple[Tensor, ...]:
        """Return what the model is given of the data that are decoded so often each; of long texts and wide rows, of fewer."""
        if self.run.kind == "image":
            return self.given(_REFINED)
        stored, context = unpacked(self.some(_REFINED).stored)
        subject = Subject(self.run.model, self.run.view, Sample(stored, context), description=self.run.experiment.model)
        return self.given(affordable(subject, max(1, passes // _PATIENCE), len(stored)))


def deep(run: Run, source: Source | None = None) -> dict[str, Any]:
    """Return every measure of `PARTS`, and of texts those of `TEXT_PARTS` too, on the test part of a run or on `source`.

    Args:
        run: The run; its model stays as it is.
        source: Other data.

    Returns:
        The parts by their names, each plain numbers or None, and under `why` the reason of each that is None.

    Raises:
        ValueError: The data do not fit the model, there are none, or the weights are not finite.
    """
    look = _Look.at(run, source)
    if not len(look.rows):
        raise ValueError("there are no data to look at; give some")
    broken = [name for name, weight in run.model.state_dict().items() if not bool(weight.isfinite().all())]
    if broken:
        raise ValueError(f"nothing can be measured: weights are not finite (the first is {broken[0]}); run fit again")
    found: dict[str, Any] = {}
    why: dict[str, str] = {}
    for name, measure in (PARTS | TEXT_PARTS if look.is_text else PARTS).items():
        try:
            if name in _OF_LATENTS and is_language_model(run.experiment.model):
                raise ValueError(NO_LATENTS)
            found[name] = measure(look)
        except (ValueError, OSError) as error:  # how every measure says that a run has no such thing
            found[name], why[name] = None, str(error)
    return found | {"why": why}


def _information(look: _Look) -> dict[str, Any]:
    given = look.given(_MOST)
    with evaluating(look.run.model):
        slow = isinstance(look.run.model.encode(*(part[:2] for part in given)), Transported)
    found = information(look.run.model, *(part[: _INVERTED if slow else _MOST] for part in given)).summary()
    return found | {"in_batches": in_batches(look.run.model, *given)} if look.is_text else found


def _annealed(look: _Look) -> dict[str, Any]:
    moves = _CHAINS.count * _CHAINS.temperatures * (_CHAINS.leapfrog + 1)
    given, view = look.refined(_GRADIENT * moves), look.run.view
    found = annealed(look.run.model, *given, chains=_CHAINS, log_jacobian=view.log_jacobian)
    # On the very same prepared data: what a likelihood draws on its way in would part the two otherwise.
    batches = [as_stored(*part) for part in zip(*(g.split(_BATCH) for g in given), strict=True)]
    weighted = bounds(look.run.model, batches, prepare=_as_they_are, log_jacobian=view.log_jacobian, sizes=view.sizes)
    summary = found.summary()
    if look.run.kind != "image":  # a text has more tokens than another, a row more cells that were observed
        bits = -found.estimate.nats / (weighted.dimensions * math.log(2))
        summary |= {"bits_per_dim": bits, "dimension": _UNITS[look.run.kind][0]}
    return {**summary, "above_iw": {"samples": weighted.samples, **vars(found.gap(weighted))}}


def _amortization(look: _Look) -> dict[str, Any]:
    return amortization(look.run.model, *look.refined(_GRADIENT * _STEPS), steps=_STEPS).summary()


def _probes(look: _Look) -> dict[str, Any]:
    own = look.run.data
    if look.data.labels is None or own.labels is None:
        raise ValueError("there are no labels to be found again (folders name them; of a table, target=COLUMN does)")
    if look.data.classes != own.classes:
        raise ValueError(f"these data have the classes {_few(look.data)}, the training data {_few(own)}")
    trained = own.taken(own.drawn("train", _CODED))
    return probes(_coded(look.run, trained), _coded(look.run, look.some(_CODED))).summary()


def _disentanglement(look: _Look) -> dict[str, Any]:
    if look.data.factors is None:
        raise ValueError("it is not known what these data were made from (it is of the data set sprites)")
    # No data are held out: it is the representation that is judged, as in the literature, and not a prediction.
    shown = look.data.taken(look.data.drawn("all", _CODED))
    assert shown.factors is not None
    return disentanglement(look.run.encode(shown)[0], shown.factors, shown.factor_names).summary()


def _fidelity(look: _Look) -> dict[str, Any]:
    look.require_images()
    return fidelity(*look.run.reconstruct(look.some(_SHOWN))).summary()


def _samples(look: _Look) -> dict[str, Any]:
    look.require_images()
    if len(look.run.given(look.some(1))[0].shape) != 4:
        raise ValueError("samples are compared as images (C, H, W), and these data are none")
    shown = look.some(_SHOWN)
    return look.run.quality(len(shown), source=shown).summary()


def _overlap(look: _Look) -> dict[str, Any]:
    return overlap(look.run, look.some(_SHOWN))


def _text_samples(look: _Look) -> dict[str, Any]:
    return text_samples(look.run, look.some(_SHOWN), _SHOWN)


PARTS: dict[str, Callable[[_Look], dict[str, Any]]] = {
    "information": _information,
    "annealed": _annealed,
    "amortization": _amortization,
    "probes": _probes,
    "disentanglement": _disentanglement,
    "fidelity": _fidelity,
    "samples": _samples,
}
"""What is measured, in the order in which it is told."""

TEXT_PARTS: dict[str, Callable[[_Look], dict[str, Any]]] = {"overlap": _overlap, "text_samples": _text_samples}
"""What is measured of texts after that."""

_OF_LATENTS = ("information", "annealed", "amortization", "probes", "disentanglement", "overlap")


def _coded(run: Run, data: Dataset) -> Coded:
    assert data.labels is not None
    return Coded(run.encode(data)[0], data.labels)


def _few(data: Dataset) -> str:
    return ", ".join(data.classes[:5]) + (", ..." if len(data.classes) > 5 else "") or "(none)"


def _as_they_are(x: Tensor) -> Tensor:
    return x
