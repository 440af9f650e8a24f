"""The protocol of priors: a description, and the module p(z) it stands for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from vaekit.heads.family import Support
from vaekit.value import Size, Value

__all__ = ["Prior", "Site"]


@dataclass(frozen=True)
class Site:
    """Where a prior stands: all that one may need to be built.

    Args:
        event: The shape of one group of latents.
        posterior: The module q(z | x) whose latents it is the prior of.
        given: The shape of one datum x.
        context: Length of the context vector; 0 for none.
    """

    event: Size
    posterior: nn.Module
    given: Size
    context: int = 0


class Prior(Value, ABC):
    """A description of p(z), or of p(z | context).

    To add one: say what its events are (`support`, which must be the posterior's) and build the module, whose
    `forward(*context)` returns a distribution with an empty batch shape, or `(B,)` where it depends on a context. A
    prior that starts from data has `initialize(x, *context)`.
    """

    kind: str
    """Its name."""

    support: ClassVar[Support] = "real"
    """What one event is; a posterior needs a prior of the same support."""

    joint: ClassVar[bool] = True
    """Whether it can be trained together with the rest; otherwise it is only fitted to a trained model."""

    @abstractmethod
    def build(self, site: Site) -> nn.Module:
        """Return the module, freshly initialised.

        Raises:
            ValueError: It cannot stand there, e.g. because it has no conditional form.
        """
