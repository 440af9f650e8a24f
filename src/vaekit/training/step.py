"""One step's computation as a module: only tensors cross the border of the wrapper around it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from vaekit.data import Stored, unpacked
from vaekit.objectives import Criterion, Loss

__all__ = ["Step"]


class Step(nn.Module):
    """Stored batch in, loss out: prepare, trace, criterion.

    The whole of it runs under Fabric's autocast, and not through its wrapped forward, which would round the data.

    Args:
        model: The latent-variable model.
        criterion: What maps its trace to a loss.
        prepare: Maps a stored batch to data in the likelihood's support.
        samples: Draws from the posterior per datum.
    """

    def __init__(
        self, model: nn.Module, criterion: Criterion, prepare: Callable[[Tensor], Tensor], samples: int = 1
    ) -> None:
        super().__init__()
        self.model, self.criterion, self.prepare, self.samples = model, criterion, prepare, samples

    def forward(self, batch: Stored, step: int) -> Loss:
        """Return the loss of a stored batch at a step."""
        stored, context = unpacked(batch)
        return self.criterion(self.model(self.prepare(stored), *context, samples=self.samples), step)
