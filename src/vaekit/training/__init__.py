"""Training: one visible loop, its settings, and checkpoints that survive anything.

`train` is a generator: it steps, and the caller logs, saves and stops. Everything that a resumed run needs to equal an
uninterrupted one bit for bit lives in `TrainingState`.
"""

from vaekit.training.checkpoint import Checkpoints, CorruptCheckpoint
from vaekit.training.fabric import make_fabric
from vaekit.training.loop import Progress, train
from vaekit.training.memory import refuse_too_large, training_bytes
from vaekit.training.phases import Phase
from vaekit.training.scope import TrainingScope
from vaekit.training.settings import RUNS_OF_A_FIX, Training
from vaekit.training.stability import TrainingDiverged
from vaekit.training.state import TrainingState
from vaekit.training.step import Step
from vaekit.training.validation import ACTIVE_VARIANCE, Validation, active_per_group, active_units, validate

__all__ = [
    "ACTIVE_VARIANCE",
    "RUNS_OF_A_FIX",
    "Checkpoints",
    "CorruptCheckpoint",
    "Phase",
    "Progress",
    "Step",
    "Training",
    "TrainingDiverged",
    "TrainingScope",
    "TrainingState",
    "Validation",
    "active_per_group",
    "active_units",
    "make_fabric",
    "refuse_too_large",
    "train",
    "training_bytes",
    "validate",
]
