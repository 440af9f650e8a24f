"""The law of export: a program that `torch.export` makes of a part of a model equals the part, whatever the batch."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from laws.members import COLUMNS, NETS, name
from laws.test_nets import shaken
from nets.sequences import LENGTH, SPECS, TASKS, VOCABULARY, decoder, given, name as sequence_name, read, rows
from vaekit.distributions import point
from vaekit.heads import Bernoulli, Conditional, Gaussian, conditional
from vaekit.nets import MLP, CausalNet, ColumnTransformer, table_encoder

IMAGE, LATENT = (2, 9, 12), 5
LEVELS, LOG = (3, 0, 0, 2, 0), (False, False, True, False, False)
SEQUENCES = [*SPECS, SPECS[0].replace(kind="gru", encoder_layers=1), SPECS[0].replace(bidirectional=False)]
TABLE_NETS = [MLP(widths=(8,)), ColumnTransformer(width=8, heads=2)]
CONTEXT = 3
IMAGE_NETS = [  # export sees structure: one kernel and one activation do for all
    spec
    for spec in NETS
    if not ({"activation"} & spec.model_fields_set or {"residual", "norm"} <= spec.model_fields_set)
    and getattr(spec, "kernel", 3) == 3
]


def labels(x: torch.Tensor) -> torch.Tensor:
    """Return a one-hot context for each row."""
    return F.one_hot(torch.arange(len(x)) % CONTEXT, CONTEXT).float()


class Point(nn.Module):
    """The point of a conditional distribution: its mean, or what stands for it in a column."""

    def __init__(self, conditional: nn.Module) -> None:
        super().__init__()
        self.conditional = conditional

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        return point(self.conditional(*given))


class Logits(nn.Module):
    """The logits of the next token at every position."""

    def __init__(self, net: CausalNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, tokens: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return self.net.logits(self.net.features(tokens, z))


def check(module: nn.Module, *inputs: torch.Tensor, decimals: float = 1e-5) -> None:
    """Export a module with an open batch, and compare it with itself at other batches than that of the export."""
    module, count = module.eval(), len(inputs[0])
    with torch.no_grad(), warnings.catch_warnings():
        expected = module(*inputs)
        batch = torch.export.Dim("batch", min=1, max=4096)
        axes = ({0: batch},) * len(inputs)
        shapes = (axes,) if isinstance(module, Point) else axes
        warnings.filterwarnings("ignore", "The tensor attributes .*flat_weights")  # torch's cells keep their own list
        program = torch.export.export(module, tuple(x[:3] for x in inputs), dynamic_shapes=shapes).module()
        for size in (1, 2, count):
            torch.testing.assert_close(program(*(x[:size] for x in inputs)), expected[:size], rtol=0, atol=decimals)


@pytest.mark.parametrize("spec", IMAGE_NETS, ids=name)
def test_encoders_and_decoders_of_images(spec):
    posterior = Conditional(spec.encoder(IMAGE), Gaussian(), given=IMAGE, event=(LATENT,))
    likelihood = Conditional(spec.decoder((LATENT,), IMAGE), Bernoulli(), given=(LATENT,), event=IMAGE)
    check(Point(shaken(posterior).float()), torch.randn(7, *IMAGE))
    check(Point(shaken(likelihood).float()), torch.randn(7, LATENT))


@pytest.mark.parametrize("spec", SEQUENCES, ids=sequence_name)
def test_encoders_of_texts(spec):
    net, x = spec.encoder(VOCABULARY, LENGTH, CONTEXT), rows(LENGTH).float()[torch.randperm(LENGTH)]
    posterior = conditional(Gaussian(), net, given=(LENGTH,), event=(LATENT,), context=CONTEXT)
    check(Point(shaken(posterior).float()), x, labels(x))


@pytest.mark.parametrize("spec", SPECS, ids=sequence_name)
@pytest.mark.parametrize("task", [TASKS[0], TASKS[-1]], ids=sequence_name)
def test_decoders_of_texts(spec, task):
    check(Logits(decoder(spec, task)), read(rows()), given(task))


@pytest.mark.parametrize("spec", TABLE_NETS, ids=name)
def test_encoders_of_tables(spec):
    net, size = table_encoder(spec, LEVELS, LOG, hide=0.2, context=CONTEXT), (len(LEVELS),)
    posterior = conditional(Gaussian(), net, given=size, event=(LATENT,), context=CONTEXT)
    x = torch.stack([torch.randint(0, levels or 9, (6,)).float() for levels in LEVELS], 1)
    x[torch.rand_like(x) < 0.3] = torch.nan
    check(Point(shaken(posterior).float()), x, labels(x))


@pytest.mark.parametrize(
    ("spec", "family"), [*((TABLE_NETS[0], family) for family in COLUMNS), (TABLE_NETS[1], COLUMNS[-1])], ids=name
)
def test_decoders_of_tables(spec, family):
    count = len(family.columns)
    net = spec.decoder((LATENT,), (count,)) if isinstance(spec, MLP) else spec.decoder((LATENT,), count)
    likelihood = conditional(family, net, given=(LATENT,), event=(count,))
    check(Point(shaken(likelihood).float()), torch.randn(6, LATENT))
