"""Randomness of one thread: inside a scope, every draw of torch comes from generators that belong to the scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from vaekit.errors import whole

__all__ = ["drawing"]

_Function = Callable[..., Any]


def _named(owner: object, names: str) -> list[_Function]:
    return [getattr(owner, name) for name in names.split()]


_LIKE = "rand_like randn_like randint_like"
_IN_PLACE = "normal_ uniform_ exponential_ bernoulli_ geometric_ cauchy_ log_normal_ random_"
_DIRECT: frozenset[_Function] = frozenset(
    [
        *_named(torch, f"rand randn randint randperm normal {_LIKE} multinomial bernoulli poisson binomial"),
        *_named(torch, "_standard_gamma _sample_dirichlet rrelu"),
        *_named(Tensor, f"{_IN_PLACE} multinomial bernoulli"),
        *_named(nn.init, "normal_ uniform_ kaiming_normal_ kaiming_uniform_"),
    ]
)
"""The functions that draw and take a generator."""
_DROPOUT = "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout"
_INSIDE: dict[_Function, tuple[str, object]] = {
    **dict.fromkeys(_named(F, f"{_DROPOUT} rrelu multi_head_attention_forward"), ("training", True)),
    **dict.fromkeys(_named(F, "gumbel_softmax fractional_max_pool2d fractional_max_pool3d"), ("", True)),
    **dict.fromkeys(_named(F, "fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices"), ("", True)),
    **dict.fromkeys(_named(torch, "dropout native_dropout feature_dropout alpha_dropout"), ("", True)),
    **dict.fromkeys(_named(torch, "feature_alpha_dropout svd_lowrank pca_lowrank"), ("", True)),
    F.scaled_dot_product_attention: ("dropout_p", 0.0),
}
"""The functions that draw inside, where no generator reaches; and the argument, with its default, that makes them draw."""
_RANDOM = _DIRECT | _INSIDE.keys()
_KERNELS = frozenset(
    _named(torch.ops.aten, f"rand randn randint randperm {_LIKE} bernoulli {_IN_PLACE} rrelu_with_noise")
)


class drawing(TorchFunctionMode):
    """Let every random function of torch draw from generators that belong to this scope and to this thread.

    Distributions, flows and a user's own modules need not know of it. The global generators are neither read nor written,
    so that threads do not disturb each other. Equal seeds give equal numbers, those that `torch.manual_seed` gives on a
    CPU. Where scopes are nested the inner one counts; afterwards the outer one goes on where it was.

    Args:
        source: A seed; or a generator, whose stream the scope continues.

    Examples:
        >>> with drawing(0):
        ...     x = torch.randn(2)
        >>> with drawing(0):
        ...     torch.equal(x, torch.randn(2))
        True
    """

    def __init__(self, source: int | Generator) -> None:
        super().__init__()
        is_stream = isinstance(source, Generator)
        self._source = source if is_stream else whole("seed", source, 0, 2**64 - 1)
        self._generators = dict[torch.device, Generator]()
        if isinstance(source, Generator):
            self._generators[source.device] = source

    def __torch_function__(
        self, function: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run a function of torch, with a generator of the right device where it draws."""
        if function not in _RANDOM:  # at every step of every net: no work before this line
            return function(*args, **kwargs) if kwargs else function(*args)
        kwargs = kwargs or {}
        switch = _INSIDE.get(function)
        if switch is None:
            return self.run(function, args, kwargs)
        if not kwargs.get(*switch):
            return function(*args, **kwargs)
        with _Kernels(self):
            return function(*args, **kwargs)

    def run(self, function: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a function that takes a generator; one that was given already stays."""
        device = _device(args, kwargs)
        if device.type == "meta" or any(isinstance(value, Generator) for value in (*args, *kwargs.values())):
            return function(*args, **kwargs)
        return function(*args, **{**kwargs, "generator": self._generator(device)})

    def _generator(self, device: torch.device) -> Generator:
        if device not in self._generators:
            seed = self._source
            if isinstance(seed, Generator):  # of another device: its stream gives the seed
                seed = int(torch.randint(2**62, (), generator=seed, device=seed.device))
            self._generators[device] = Generator(device).manual_seed(seed)
        return self._generators[device]


class _Kernels(TorchDispatchMode):
    """Give the generators of a scope to the kernels that a function calls inside."""

    def __init__(self, scope: drawing) -> None:
        super().__init__()
        self.scope = scope

    def __torch_dispatch__(
        self, kernel: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if kernel.overloadpacket in _KERNELS:
            return self.scope.run(kernel.overloadpacket, args, kwargs)
        if kernel is torch.ops.aten.native_dropout.default and args[2]:
            x, share, *_ = args
            mask = self.scope.run(Tensor.bernoulli_, (torch.empty_like(x), 1 - share), {})
            return x * mask / (1 - share), mask.bool()
        return kernel(*args, **kwargs)


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    """Return the device that a random function draws on, with its number."""
    tensors = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
    device = kwargs.get("device")
    if device is None:
        device = next((tensor.device for tensor in tensors), None) or torch.get_default_device()
    device = torch.device(device)
    return torch.empty((), device=device).device if device.index is None and device.type != "cpu" else device
