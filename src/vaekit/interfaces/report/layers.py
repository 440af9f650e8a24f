"""The layers of a model: what each returns for one datum, and its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from vaekit.distributions import Autoregressive
from vaekit.heads.layers import Heads
from vaekit.interfaces.describing.layers import words
from vaekit.interfaces.runs.run import Run
from vaekit.models import evaluating

__all__ = ["Row", "count", "layers", "parameters"]

Row: TypeAlias = tuple[str, str, str]
_PARTS = (("Encoder", "posterior"), ("Decoder", "likelihood"), ("Prior", "prior"))


def count(module: nn.Module) -> int:
    """Return the number of parameters, also of an averaged model, whose weights need no gradient."""
    return sum(p.numel() for p in module.parameters())


def parameters(run: Run) -> list[tuple[str, str, str]]:
    """Return each part of the model, its module and its number of parameters."""
    parts = _PARTS if run.view.traits.latents else [part for part in _PARTS if part[1] == "likelihood"]
    found = [(title, getattr(run.model, name, None)) for title, name in parts]
    return [(title, words(m), f"{count(m):,}") for title, m in found if m is not None]


def layers(run: Run, given: tuple[Tensor, ...]) -> list[tuple[str, list[Row]]]:
    """Return module, output and parameters of every layer, encoder and decoder apart.

    Args:
        run: The run.
        given: One prepared datum `(1, *event)` and its context; if it is empty, zeros of the posterior's input shape.
    """
    shape = getattr(getattr(run.model, "posterior", None), "given", None)
    context = given[1:] or run.conditions.zeros(1)
    blank = run.view.blank()
    if not given and blank is not None:
        given = (blank, *context)
    elif not given and shape is not None:
        given = (torch.zeros(1, *shape), *context)
    with evaluating(run.model), _shapes(run.model) as shapes:
        if given:
            run.model.posteriors(*given)
        likelihood = run.model.decode(*run.model.prior_sample(1, *context), context=context)
        if isinstance(likelihood, Autoregressive):  # which computes nothing earlier
            likelihood.log_prob(given[0])
    tables = []
    for title, name in _PARTS:
        part = getattr(run.model, name, None)
        if part is not None and count(part):
            rows = [_row(path, layer, shapes.get(layer)) for path, layer in part.named_modules() if _is_layer(layer)]
            tables.append((title, rows))
    return tables


@contextmanager
def _shapes(model: nn.Module) -> Iterator[dict[nn.Module, str]]:
    """Record the shape of every module's output, while inside."""
    shapes: dict[nn.Module, str] = {}

    def remember(module: nn.Module, inputs: Any, output: Any) -> None:
        shapes[module] = _shape(output)
        if isinstance(module, Heads):
            # Heads run as one product, so their layers are never called by themselves.
            shapes.update({[*module[name].modules()][-1]: _shape(value) for name, value in output.items()})

    handles = [module.register_forward_hook(remember) for module in model.modules()]
    try:
        yield shapes
    finally:
        for handle in handles:
            handle.remove()


def _is_layer(module: nn.Module) -> bool:
    """Whether a module computes something itself: it has no parts, or weights besides its parts."""
    own = any(True for _ in module.parameters(recurse=False))
    holder = isinstance(module, nn.ParameterDict | nn.ParameterList | nn.ModuleDict | nn.ModuleList) and not own
    idle = isinstance(module, nn.Identity) or (isinstance(module, nn.Dropout) and module.p == 0)
    return not (holder or idle) and (own or not any(True for _ in module.children()))


def _row(path: str, layer: nn.Module, shape: str | None) -> Row:
    own = sum(p.numel() for p in layer.parameters(recurse=False))
    return (f"{path or '(itself)'}: {words(layer)}", shape or "-", f"{own:,}" if own else "")


def _shape(output: Any) -> str:
    if isinstance(output, tuple) and not isinstance(output, PackedSequence):
        return _shape(output[0])  # a recurrent layer's outputs come before its states
    if isinstance(output, PackedSequence):
        return " x ".join(map(str, output.data.shape[1:])) + " per token"
    return " x ".join(map(str, output.shape[1:])) if isinstance(output, Tensor) else type(output).__name__
