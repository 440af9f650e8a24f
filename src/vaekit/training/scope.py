"""The global settings of torch and Python that a training needs, or may disturb: set on the way in, restored on the way out."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch.distributions import Distribution

from vaekit.training.device import device_named
from vaekit.training.settings import Training

__all__ = ["TrainingScope"]

_FABRIC = logging.getLogger("lightning_fabric")
_ONE_AT_A_TIME = threading.RLock()


class TrainingScope:
    """The threads and the random numbers of one training; outside of it all global settings are as they were.

    It may be entered again and again: each time the random numbers go on from where they were left. They are global ones, so
    of two threads of one process that train, the second waits until the first has ended.

    Args:
        training: The settings; `threads`, `seed` and `device` count here.

    Raises:
        ValueError: The device is not there.

    Examples:
        >>> before = torch.get_rng_state(), torch.get_num_threads()
        >>> scope = TrainingScope(Training(threads=1, seed=7, device="cpu"))
        >>> with scope:
        ...     noise = torch.randn(3), torch.get_num_threads()
        >>> torch.get_rng_state().equal(before[0]), torch.get_num_threads() == before[1]
        (True, True)
    """

    def __init__(self, training: Training) -> None:
        self.threads, self.seed, self.device = training.threads, training.seed, device_named(training.device)
        self._own: list[torch.Tensor] | None = None
        self._outer = ExitStack()

    def __enter__(self) -> None:
        generators = _generators(self.device)  # refuses a device that is gone, before anything is held
        self._outer.enter_context(_ONE_AT_A_TIME)
        self._outer.enter_context(warnings.catch_warnings())
        for read, write in _SETTINGS:
            self._outer.callback(_restore, read, write, read())
        self._outer.callback(_set_states, generators, [generator.get_state() for generator in generators])
        if self._own is None:
            for generator in generators:
                generator.manual_seed(self.seed)
        else:
            _set_states(generators, self._own)
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        # It announces its precision, which the settings say already.
        _FABRIC.setLevel(max(_FABRIC.level, logging.WARNING))

    def __exit__(self, *exception: object) -> None:
        self._own = [generator.get_state() for generator in _generators(self.device)]
        self._outer.close()


def _generators(device: str) -> list[torch.Generator]:
    match device:
        case "cuda":
            torch.cuda.init()
            return [torch.default_generator, *torch.cuda.default_generators]
        case "mps":
            return [torch.default_generator, torch.mps._get_default_mps_generator()]
        case _:
            return [torch.default_generator]


def _set_states(generators: list[torch.Generator], states: list[torch.Tensor]) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state)


def _restore(read: Callable[[], Any], write: Callable[[Any], None], value: Any) -> None:
    # Written only where it changed: torch refuses to mix its two ways of setting a precision.
    if read() != value:
        write(value)


def _matmul_precision() -> str | None:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # it was set for a backend, by the other of the two ways
        return None


def _set_matmul_precision(value: str | None) -> None:
    if value is not None:
        torch.set_float32_matmul_precision(value)


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _attribute(owner: object, name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], None]], ...] = (
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_default_dtype, torch.set_default_dtype),
    (_matmul_precision, _set_matmul_precision),
    (_determinism, lambda both: torch.use_deterministic_algorithms(both[0], warn_only=both[1])),
    _attribute(torch.backends.cudnn, "benchmark"),
    _attribute(torch.backends.cudnn, "deterministic"),
    _attribute(Distribution, "_validate_args"),
    (lambda: _FABRIC.level, _FABRIC.setLevel),
)
