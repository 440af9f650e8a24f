"""How to train: every setting with its default and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vaekit.training.phases import Phase
from vaekit.value import Value

__all__ = ["RUNS_OF_A_FIX", "Training"]

RUNS_OF_A_FIX = 3
"""The runs that `auto_fix` makes at most, and which share a time limit."""


class Training(Value):
    """Settings of the training loop. Whatever counts, counts steps of the optimiser.

    Examples:
        >>> Training(lr=2e-3).batch
        128
    """

    batch: Annotated[int, Field(ge=1)] = 128
    """Data per step."""
    epochs: Annotated[int, Field(ge=1)] = 300
    """Passes over the training data, unless steps or time_limit is set."""
    steps: Annotated[int, Field(ge=1)] | None = None
    """Steps of the optimiser; goes before epochs."""
    time_limit: Annotated[float, Field(gt=0, le=366 * 86400)] | None = None
    """Seconds for everything, from reading to report; becomes a number of steps after timed ones, which may only fall."""
    patience: Annotated[int, Field(ge=1)] = 20
    """Epochs without a better validation bound after which training stops, where neither steps nor time_limit is set."""
    phases: tuple[Phase, ...] = ()
    """Stretches of training in which a part learns alone, begins anew, or the rate costs something else."""
    optimizer: Literal["adam", "adamw", "adamax"] = "adam"
    """Optimiser, fused where torch has it."""
    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Peak learning rate."""
    lr_floor: Annotated[float, Field(ge=0, le=1)] = 1e-3
    """Share of the peak that the cosine ends at."""
    critic_lr: Annotated[float, Field(gt=0)] = 1e-4
    """Peak learning rate of an objective's own weights, such as a discriminator's; it follows the schedule of lr."""
    warmup: Annotated[int, Field(ge=0)] = 200
    """Steps in which the learning rate rises linearly; a fifth of the run at most."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay; decoupled for adamw."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the averaged weights, which are the ones evaluated and saved; 0 switches averaging off."""
    clip: Annotated[float, Field(gt=0)] = 200.0
    """Largest norm of the gradient of a step; larger ones are scaled down."""
    skip: Annotated[float, Field(gt=1)] = 10.0
    """A step whose gradient exceeds this multiple of the running median is skipped, at most 5 in a row; then the median begins anew."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the networks; densities are always fp32. auto: bf16 where the hardware multiplies it faster."""
    compile: bool = False
    """Compile the step with torch.compile: slow to start, faster on long runs."""
    validate_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between validations; by default an epoch, and at most 40 validations in a run with a known length."""
    select_by: Literal["bound", "objective"] = "bound"
    """What the best weights are chosen by on held-out data: the bound, or the rate at the weight that the objective gives it."""
    second_stage: Literal["none", "choose", "gmm", "flow", "diffusion"] = "none"
    """Prior that is fitted to the latents after training, in place of the one trained with; choose tries several."""
    auto_fix: bool = False
    """Diagnose the run, and train again with what is prescribed, at most twice; a time limit is shared by all three."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; by default torch's choice."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the weights, the noise and the order of the data."""

    @property
    def seconds(self) -> float | None:
        """Seconds for one run: the time limit, or its share of it where two more may follow."""
        return self.time_limit / RUNS_OF_A_FIX if self.time_limit and self.auto_fix else self.time_limit
