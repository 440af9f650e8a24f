"""What is chosen where it is left open, beyond the net: prior, optimiser, weight decay."""

import pytest
import torch

from vaekit.data import Dataset, ImageSchema
from vaekit.interfaces.describing.planning import plan
from vaekit.modalities import modality_named

SCHEMA = ImageSchema(height=8, width=8, channels=1, levels=256, low=0, high=255, binary=False)


def chosen(count=20_000, preset="balanced", **sections):
    values = torch.zeros(1, 8, 8, 1, dtype=torch.uint8).expand(count, 8, 8, 1)
    data = Dataset(values, SCHEMA, torch.zeros(count, dtype=torch.int8))
    experiment = plan(data, modality_named("image").opened(), sections, preset)
    return experiment, {choice.key: choice.reason for choice in experiment.choices}


@pytest.mark.parametrize(
    ("prior", "options"),
    [
        ("flow", {}),
        ("gmm", {"preset": "fast"}),
        ("standard", {"count": 5000}),
        ("standard", {"objective": {"kind": "aae"}}),
        ("standard", {"objective": {"kind": "beta_tc"}}),
        ("standard", {"objective": {"free_bits": {"nats": 0.1}}}),
        ("flow", {"objective": {"kind": "iwae"}}),
        ("standard", {"model": {"posterior": {"kind": "delta"}}}),
        ("uniform_sphere", {"model": {"posterior": {"kind": "vmf"}}}),
        ("diagonal", {"model": {"prior": {"kind": "diagonal"}}}),
    ],
    ids=str,
)
def test_a_prior_is_learned_where_data_and_objective_let_it(prior, options):
    experiment, reasons = chosen(**options)
    assert experiment.model.prior.kind == prior
    assert bool(reasons.get("prior")) == (prior != "diagonal")


@pytest.mark.parametrize(
    ("training", "decay", "optimizer"),
    [({}, 0.05, "adamw"), ({"optimizer": "adam"}, 0.0, "adam"), ({"weight_decay": 0.2}, 0.2, "adamw")],
    ids=str,
)
def test_weight_decay_goes_with_adamw_alone(training, decay, optimizer):
    experiment, _ = chosen(training=training)
    assert (experiment.training.weight_decay, experiment.training.optimizer) == (decay, optimizer)
