"""The batch of a training, fitted to the memory by a dry run."""

from __future__ import annotations

import torch

from vaekit.data import Stored
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.modalities import Choice, modality_named
from vaekit.models import evaluating
from vaekit.nets import parameter_count
from vaekit.training import Step, training_bytes
from vaekit.training.device import device_named
from vaekit.training.memory import activation_bytes, largest_batch, memory_of

__all__ = ["bytes_of_gradient", "fitted_batch"]


def bytes_of_gradient(step: Step, data: Stored, count: int, seed: int, at: int = 0) -> int:
    """Return the bytes that the gradient of so many data needs beside weights; the number of a step may change the loss."""
    few = data.take(torch.arange(min(count, len(data))))
    with evaluating(step.model, seed), torch.enable_grad():
        return activation_bytes(step.model, lambda: step(few, at))


def fitted_batch(experiment: Experiment, step: Step, data: Stored, size: int, estimate: float) -> Experiment:
    """Return the experiment with a batch whose gradient fits into the memory; one that the user asked for stays.

    Args:
        experiment: The experiment.
        step: Its step.
        data: Some of the data.
        size: The number of training data.
        estimate: Bytes that one datum needs at most; where they are few enough nothing is measured.

    Raises:
        ValueError: The batch was asked for and does not fit, or not even one datum does.
    """
    training, weights = experiment.training, parameter_count(step.model)
    asked = min(training.batch, size)
    if largest_batch(estimate, weights, training.device) >= asked:
        return experiment
    per_datum = _bytes_per_datum(step, data, training.seed)
    fits, there = largest_batch(per_datum, weights, training.device), memory_of(device_named(training.device))
    if fits >= asked:
        return experiment
    needed = asked * per_datum + training_bytes(weights)
    why = (
        f"a batch of {asked:,} {modality_named(experiment.data.kind).words.many} needs {needed / 2**30:.3g} GiB, and there "
        f"are {there / 2**30:.3g}"
    )
    others = [choice for choice in experiment.choices if choice.key != "batch"]
    is_chosen = len(others) < len(experiment.choices) or "batch" not in training.model_fields_set
    if fits and is_chosen:
        choices = (*others, Choice(key="batch", value=fits, reason=why))
        return experiment.replace(training=training.replace(batch=fits), choices=choices)
    if fits and needed <= there:
        return experiment
    cures = [f"batch={fits}"] if fits else []
    if most := _largest_with_checkpoints(experiment, step, data, size):
        cures.append(f"net.checkpoint=true with batch={min(most, asked)}")
    raise ValueError(f"{why}; take {', or '.join(cures) or 'a smaller net or smaller data'}")


def _bytes_per_datum(step: Step, data: Stored, seed: int) -> int:
    """Return the bytes that one datum more needs: what does not grow with the batch cancels."""
    one, two = (bytes_of_gradient(step, data, count, seed) for count in (1, 2))
    return two - one if two > one else one


def _largest_with_checkpoints(experiment: Experiment, step: Step, data: Stored, size: int) -> int:
    """Return the largest batch where the net computes again what it does not keep; 0 for a net that cannot."""
    description = experiment.model
    net = getattr(description, "net", None)
    if description is None or net is None or getattr(net, "checkpoint", True):
        return 0
    model = description.replace(net=net.replace(checkpoint=True)).build()
    lean = Step(model, experiment.objective.build(model, size), step.prepare, step.samples)
    per_datum = _bytes_per_datum(lean, data, experiment.training.seed)
    return largest_batch(per_datum, parameter_count(model), experiment.training.device)
