"""Training: one visible loop, its settings, and checkpoints that survive anything.

`train` is a generator: it steps, and the caller logs, saves and stops. Everything that a resumed run needs to equal an
uninterrupted one bit for bit lives in `TrainingState`.
"""

from vaekit.training.checkpoint import Checkpoints as Checkpoints, CorruptCheckpoint as CorruptCheckpoint
from vaekit.training.loop import Progress as Progress, train as train
from vaekit.training.memory import refuse_too_large as refuse_too_large, training_bytes as training_bytes
from vaekit.training.phases import Phase as Phase
from vaekit.training.scope import TrainingScope as TrainingScope
from vaekit.training.settings import RUNS_OF_A_FIX as RUNS_OF_A_FIX, Training as Training
from vaekit.training.stability import TrainingDiverged as TrainingDiverged
from vaekit.training.state import TrainingState as TrainingState
from vaekit.training.step import Step as Step
from vaekit.training.validation import (
    ACTIVE_VARIANCE as ACTIVE_VARIANCE,
    Validation as Validation,
    active_per_group as active_per_group,
    active_units as active_units,
    validate as validate,
)
