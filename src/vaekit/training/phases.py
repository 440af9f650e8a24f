"""Phases of training: which parts learn until when, what begins anew, and what the rate costs meanwhile."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import Field
from torch import Tensor, nn

from vaekit.objectives import Criterion, Objective
from vaekit.training.step import Step
from vaekit.value import Value

__all__ = ["Part", "Phase", "Phases", "Position"]

Part: TypeAlias = Literal["posterior", "likelihood", "prior"]


class Phase(Value):
    """A stretch of training; after the last one that is given, all parts learn until the end.

    References:
        He, Spokoyny, Neubig and Berg-Kirkpatrick, 2019, "Lagging inference networks and posterior collapse in variational
        autoencoders" (aggressive); Li, He, Neubig, Berg-Kirkpatrick and Yang, 2019, "A surprisingly effective fix for
        deep latent variable modeling of text" (an autoencoder first, then a new decoder).

    Examples:
        >>> Phase(until=0.25, beta=0.0).end(0, 1000), Phase(until=600).end(0, 1000)
        (250, 600)
    """

    until: Annotated[int | float, Field(gt=0)] = 1.0
    """Where it ends: a step, or up to 1 a share of the steps of the run."""
    train: Literal["all", "posterior", "likelihood", "prior"] = "all"
    """The part of the model that learns; the others stay as they are."""
    reset: tuple[Part, ...] = ()
    """Parts that return to their weights from before training when it begins."""
    beta: Annotated[float, Field(ge=0)] | None = None
    """Weight of the rate in place of the objective's; 0 trains an autoencoder."""
    aggressive: Annotated[int, Field(ge=0)] = 0
    """Steps of the posterior alone, at most, before each step of the rest; ends where the information stops rising."""

    def model_post_init(self, _context: object) -> None:
        """Refuse half steps, and two answers to what learns."""
        if self.until > 1 and self.until != int(self.until):
            raise ValueError(f"until is a whole step, or a share up to 1, got {self.until}")
        if self.aggressive and self.train != "all":
            raise ValueError(f"aggressive trains the posterior and the rest in turn; leave out train={self.train}")

    def end(self, begin: int, stop: int | None) -> int | None:
        """Return the step at which it ends, in a run from `begin` to `stop`; None while that is not known."""
        if self.until > 1:
            return int(self.until)
        return None if stop is None else begin + round(self.until * (stop - begin))


@dataclass
class Position:
    """Where training stands: plain numbers, saved whole."""

    step: int = 0
    begin: int = 0  # first step of this stretch; an extended run begins a new one
    stop: int | None = None
    validate_every: int = 0
    best: float = -math.inf
    best_step: int = 0
    seconds: float = 0.0
    taken: int = 0
    limit: float | None = None  # seconds of this stretch, where it is an extension by time
    at_once: int | None = None  # data that are computed at a time, where memory ran out for a whole batch


class Phases:
    """Where training stands among its phases, and what the present one makes of model and criterion.

    Args:
        phases: The phases, in order.
        step: The computation of one step, whose weights it holds still and whose criterion it exchanges.

    Raises:
        ValueError: A phase asks for a part that the model lacks, or for a beta that the objective lacks.
    """

    def __init__(self, phases: tuple[Phase, ...], step: Step) -> None:
        self.phases, self._step, self._criterion = phases, step, step.criterion
        self._learned = [p for p in step.model.parameters() if p.requires_grad]
        self.index = 0
        self.inner = 0  # steps of the posterior alone so far, which walk over the data in an order of their own
        self.information = -math.inf
        self.is_cut = False
        self.ramp = 0  # steps taken before the averages began anew
        names = sorted({name for phase in phases for name in phase.reset})
        self.initial = {name: copy.deepcopy(dict(self._part(name).state_dict())) for name in names}
        for phase in phases:
            self._enter(phase)
        self._enter(self.now)

    @property
    def now(self) -> Phase:
        """The present phase."""
        return self.phases[self.index] if self.index < len(self.phases) else Phase()

    def is_due(self, position: Position) -> bool:
        """Say whether the present phase is over."""
        end = self._end(position)
        return self.index < len(self.phases) and (self.is_cut or (end is not None and position.step >= end))

    def is_last(self, position: Position) -> bool:
        """Say whether the present phase lasts until the end of the run."""
        end = self._end(position)
        return self.index >= len(self.phases) or (
            position.stop is not None and end is not None and end >= position.stop
        )

    def begin_next(self, position: Position) -> dict[str, dict[str, Tensor]]:
        """Go on to the next phase; return the parts that begin anew, with their weights."""
        self.index, self.is_cut, self.information = self.index + 1, False, -math.inf
        self._enter(self.now)
        if self.now.reset:
            self.ramp = position.taken
        anew: dict[str, dict[str, Tensor]] = {name: self.initial[name] for name in self.now.reset}
        wanted = {name for phase in self.phases[self.index + 1 :] for name in phase.reset}
        self.initial = {name: weights for name, weights in self.initial.items() if name in wanted}
        return anew

    def turn(self, *, to_posterior: bool) -> None:
        """Let the posterior alone learn, or the rest alone, in an aggressive phase."""
        own = {id(p) for p in self._part("posterior").parameters()}
        for p in self._learned:
            p.requires_grad_((id(p) in own) == to_posterior)

    def notice(self, information: float | None) -> None:
        """End an aggressive phase where the information of latents about held-out data has stopped rising."""
        if self.now.aggressive and information is not None:
            self.is_cut = information <= self.information
            self.information = max(self.information, information)

    def state_dict(self) -> dict[str, Any]:
        """Return where training stands, in plain numbers, and the weights that later phases begin from."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state; an empty one is that of a run without phases."""
        for name in _STATE:
            setattr(self, name, state.get(name, getattr(self, name)))
        self._enter(self.now)

    def _end(self, position: Position) -> int | None:
        return self.now.end(position.begin, position.stop)

    def _enter(self, phase: Phase) -> None:
        """Let those weights learn, and that criterion judge, which belong to a phase."""
        if not self.phases:
            return
        own = self._learned if phase.train == "all" else list(self._part(phase.train).parameters())
        learning = {id(p) for p in own}
        if not any(id(p) in learning for p in self._learned):
            raise ValueError(
                f"a phase trains the {phase.train}, which has no weights here; leave out that phase, or train another part"
            )
        for p in self._learned:
            p.requires_grad_(id(p) in learning)
        self._step.criterion = self._criterion if phase.beta is None else _with_beta(self._criterion, phase.beta)
        if phase.aggressive:
            self.turn(to_posterior=False)

    def _part(self, name: str) -> nn.Module:
        part = getattr(self._step.model, name, None)
        if not isinstance(part, nn.Module):
            raise ValueError(
                f"a phase names the {name}, but this model, a {type(self._step.model).__name__}, has no such part; "
                "phases that train or reset parts need a VAE"
            )
        return part


_STATE = ("index", "inner", "information", "is_cut", "ramp", "initial")


def _with_beta(criterion: Criterion, beta: float) -> Criterion:
    """Return a criterion with another weight of the rate; weights of its own are shared.

    Raises:
        ValueError: It has none.
    """
    description = criterion if isinstance(criterion, Objective) else getattr(criterion, "description", None)
    if description is None or "beta" not in type(description).model_fields:
        raise ValueError(
            "a phase sets beta, the weight of the rate, which this objective lacks; use objective=elbo, or leave it out"
        )
    changed: Objective = description.replace(beta=beta)
    if isinstance(criterion, Objective):
        return changed
    other = copy.copy(criterion)
    cast(Any, other).description = changed
    return other
