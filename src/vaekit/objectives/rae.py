"""The regularized autoencoder: no noise, a smooth decoder instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vaekit.distributions import Delta, point
from vaekit.errors import NotApplicable
from vaekit.models import Trace
from vaekit.objectives.objective import Criterion, CriterionModule, Loss, Objective, regularized

__all__ = ["RAE"]

_ROUNDS = 15  # of power iteration before training; one more after each step follows the weights


class RAE(Objective):
    r"""The regularized autoencoder: :math:`-\log p(x \mid z) + \frac{\beta}{2} \lVert z \rVert^2 + \lambda R`.

    What noise does in a variational autoencoder, R does: it keeps the decoder smooth between the latents of the data.
    Samples then come from a prior that is fitted to the latents afterwards.

    References:
        Ghosh, Sajjadi, Vergari, Black and Schoelkopf, 2020, "From variational to deterministic autoencoders".
    """

    kind: Literal["rae"] = "rae"
    beta: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the latents' squared norm; 1 is the standard normal's."""
    regularizer: Literal["l2", "gradient_penalty", "spectral_norm", "none"] = "l2"
    """R: the decoder's squared weights, the squared derivative of its output, or its matrices' largest singular values."""
    weight: Annotated[float, Field(ge=0)] = 1e-3
    """The weight lambda of R."""

    what_it_is: ClassVar[str] = "the latents have no density, so the loss is no bound on log p(x)"

    def build(self, model: nn.Module, _size: int) -> Criterion:
        """Return the criterion, which looks at the decoder of the model."""
        match self.regularizer:
            case "l2":
                return _Smooth(self, functools.partial(_squared_weights, _matrices(model)))
            case "gradient_penalty":
                return _Smooth(self, _squared_jacobian)
            case "spectral_norm":
                return _Smooth(self, _SpectralNorms(model))
            case "none":
                return self

    def __call__(self, trace: Trace, step: int = 0) -> Loss:
        """Return the loss of one trace without R.

        Raises:
            NotApplicable: The posterior has noise.
        """
        return self.penalized(trace, {})

    def penalized(self, trace: Trace, terms: dict[str, tuple[float, Tensor]]) -> Loss:
        """Return the loss of one trace with further terms, each with its weight."""
        if not all(isinstance(latent.q, Delta) for latent in trace.latents):
            raise NotApplicable(
                "objective=rae is for a posterior without noise; use posterior=delta, or objective=elbo"
            )
        norm = torch.stack([latent.z.square().flatten(2).sum(-1).mean() for latent in trace.latents]).sum() / 2
        return regularized(trace, 0.0, {"latent_norm": (self.beta, norm), **terms})


class _Smooth(CriterionModule):
    def __init__(self, objective: RAE, regularizer: Callable[[Trace], Tensor]) -> None:
        super().__init__()
        self.objective, self.regularizer = objective, regularizer

    def forward(self, trace: Trace, step: int = 0) -> Loss:
        term = {"regularizer": (self.objective.weight, self.regularizer(trace))}
        return self.objective.penalized(trace, term)

    def after_step(self) -> None:
        """Let the singular vectors follow the weights."""
        if isinstance(self.regularizer, _SpectralNorms):
            self.regularizer.iterate()


def _squared_weights(weights: tuple[Tensor, ...], _trace: Trace) -> Tensor:
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def _squared_jacobian(trace: Trace) -> Tensor:
    r"""Return the squared Frobenius norm of the decoder's Jacobian, estimated as :math:`E_v \lVert J^T v \rVert^2`, v normal.

    References:
        Hutchinson, 1990, "A stochastic estimator of the trace of the influence matrix".
    """
    output, latents = point(trace.likelihood), [latent.z for latent in trace.latents]
    directions = torch.randn_like(output)
    slopes = torch.autograd.grad((output * directions).sum(), latents, create_graph=True)
    return torch.stack([slope.square().flatten(2).sum(-1).mean() for slope in slopes]).sum()


class _SpectralNorms(nn.Module):
    r"""The sum of :math:`u^T W v` over the decoder's matrices, u and v their leading singular vectors.

    References:
        Yoshida and Miyato, 2017, "Spectral norm regularization for improving the generalizability of deep learning".
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.weights = _matrices(model)
        for index, weight in enumerate(self.weights):
            self.register_buffer(f"u{index}", torch.ones_like(weight.detach().flatten(1)[:, 0]))
            self.register_buffer(f"v{index}", torch.ones_like(weight.detach().flatten(1)[0]))
        for _ in range(_ROUNDS):
            self.iterate()

    @torch.no_grad()
    def iterate(self) -> None:
        """Take one round of power iteration."""
        for weight, u, v in self._triples():
            v.copy_(nn.functional.normalize(weight.T @ u, dim=0))
            u.copy_(nn.functional.normalize(weight @ v, dim=0))

    def forward(self, trace: Trace) -> Tensor:
        with torch.autocast(self.weights[0].device.type, enabled=False):
            return torch.stack([u @ weight @ v for weight, u, v in self._triples()]).sum()

    def _triples(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        vectors = list(self.buffers())
        return list(zip((weight.flatten(1) for weight in self.weights), vectors[::2], vectors[1::2], strict=True))


def _matrices(model: nn.Module) -> tuple[Tensor, ...]:
    """Return the decoder's matrices and kernels; in a tuple they stay the model's alone."""
    return tuple(weight for weight in model.get_submodule("likelihood").parameters() if weight.dim() > 1)
