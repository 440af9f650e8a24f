"""placeholder until the training engineer's scope is merged."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["Scope"]


class Scope:
    def __init__(self, training: Any) -> None:
        self.training = training
        self._state: Any = None
        self._depth = 0

    def __enter__(self) -> Scope:
        if self._depth == 0:
            self._outer = torch.get_rng_state()
            self._threads = torch.get_num_threads()
            if self._state is None:
                torch.manual_seed(self.training.seed)
            else:
                torch.set_rng_state(self._state)
            if self.training.threads:
                torch.set_num_threads(self.training.threads)
        self._depth += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._state = torch.get_rng_state()
            torch.set_rng_state(self._outer)
            torch.set_num_threads(self._threads)
