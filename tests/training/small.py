"""A run small enough to be repeated often, with all that makes resuming hard: dropout, running statistics, noise."""

from __future__ import annotations

import torch

from vaekit.data import Batches, sequential
from vaekit.heads import Bernoulli
from vaekit.modalities import ImageVAE
from vaekit.nets import MLP, Conv
from vaekit.objectives import ELBO
from vaekit.schedules import Linear
from vaekit.training import Step, Training, TrainingState, Validation, train, validate
from vaekit.training.fabric import make_fabric

NETS = {
    "mlp": MLP(widths=(12, 8), norm="batch", dropout=0.2),
    "plain": MLP(widths=(12,)),
    "conv": Conv(widths=(4, 8), norm="batch"),
}
PIXELS = torch.randint(0, 256, (62, 8, 8, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
TRAINING_ROWS, HELD_OUT_ROWS = torch.arange(50), torch.arange(50, 62)


def description(net="mlp"):
    return ImageVAE(shape=(1, 8, 8), latent=3, net=NETS[net], likelihood=Bernoulli(binarize="dynamic"))


def settings(**changes):
    return Training(**{"threads": 1, "precision": "fp32", "device": "cpu", "batch": 16, "steps": 17, **changes})


def new_state(training, net="mlp", seed=0, criterion=None, prepare=None):
    torch.manual_seed(seed)
    vae = description(net)
    criterion = ELBO(beta=Linear(steps=20)) if criterion is None else criterion
    step = Step(vae.build(), criterion, vae.view().prepare if prepare is None else prepare)
    state = TrainingState(step, training, make_fabric(training))
    torch.manual_seed(seed + 1000)
    return state


def batches(values=PIXELS, rows=TRAINING_ROWS, batch=16):
    return Batches(values, rows, batch=batch, seed=3)


def held_out(model, net="mlp"):
    return validate(model, sequential(PIXELS, HELD_OUT_ROWS, 8), description(net).view().prepare)


def constant_bound(_model):
    return Validation(elbo=0.0, distortion=0.0, rate=0.0, active_units=0)


def run(state, *, until=None, validate=held_out, **options):
    """Train to the end, or to a step; return what was yielded."""
    seen = []
    for progress in train(state, options.pop("batches", batches()), validate, **options):
        seen.append(progress)
        if progress.step == until:
            break
    return seen


def comparable(state):
    """Return the state without the wall time."""
    saved = state.state_dict() if isinstance(state, TrainingState) else dict(state)
    return {**saved, "position": {**saved["position"], "seconds": 0.0}}


def differences(a, b, where="state"):
    """Return the names of all leaves that differ in a single bit, or in type."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return [where]
        return [name for key in a for name in differences(a[key], b[key], f"{where}.{key}")]
    if type(a) is not type(b):
        return [where]
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return [where]
        return [name for i, pair in enumerate(zip(a, b, strict=True)) for name in differences(*pair, f"{where}[{i}]")]
    if isinstance(a, torch.Tensor):
        same = a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride()
        same = same and a.contiguous().view(-1).view(torch.uint8).equal(b.contiguous().view(-1).view(torch.uint8))
        return [] if same else [where]
    return [] if a == b else [where]


def non_finite(state, where="state"):
    """Return the names of all tensors that hold NaN or infinity."""
    if isinstance(state, dict):
        return [name for key in state for name in non_finite(state[key], f"{where}.{key}")]
    if isinstance(state, torch.Tensor) and state.is_floating_point() and not torch.isfinite(state).all():
        return [where]
    return []
