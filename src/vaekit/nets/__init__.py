"""Architectures: tensors in, tensors out. Weights, no probability.

An architecture is a value (`MLP`, `Conv`) that makes both directions, so that encoder and decoder can never be
configured apart: `encoder(size)` maps a datum to features, `decoder(given, size)` maps a latent back to features from
which a head of `size` can be read. Every network says what it returns (`out_size`) and which layer reads it (`head`).

A row of a table is read by `table_encoder`, whatever the architecture behind: `MLP`, or `ColumnTransformer`, which takes
a number of columns instead of sizes.

An architecture of sequences (`Recurrent`, `Transformer`, `CausalConv`) takes tokens instead of sizes:
`encoder(vocabulary, length)` reads a text, and `decoder(task)` is a `CausalNet`, which predicts one token after another.
"""

from vaekit.nets.activation import Activation, activation
from vaekit.nets.causal import CausalNet, SequenceTask, State
from vaekit.nets.causal_conv import CausalConv
from vaekit.nets.column_transformer import ColumnTransformer
from vaekit.nets.conv import Conv
from vaekit.nets.discriminator import PatchDiscriminator
from vaekit.nets.initialization import kaiming, xavier
from vaekit.nets.join import Join, joined_size
from vaekit.nets.mlp import MLP
from vaekit.nets.normalization import Norm, norm
from vaekit.nets.random_features import RandomFeatures
from vaekit.nets.recurrent import Recurrent
from vaekit.nets.shapes import Network, is_network, linear_head, output_size, parameter_count
from vaekit.nets.standardize import Standardize
from vaekit.nets.table import TableEncoder, code_width, table_encoder
from vaekit.nets.transformer import Transformer
from vaekit.nets.velocity import VelocityNet

__all__ = [
    "MLP",
    "Activation",
    "CausalConv",
    "CausalNet",
    "ColumnTransformer",
    "Conv",
    "Join",
    "Network",
    "Norm",
    "PatchDiscriminator",
    "RandomFeatures",
    "Recurrent",
    "SequenceTask",
    "Standardize",
    "State",
    "TableEncoder",
    "Transformer",
    "VelocityNet",
    "activation",
    "code_width",
    "is_network",
    "joined_size",
    "kaiming",
    "linear_head",
    "norm",
    "output_size",
    "parameter_count",
    "table_encoder",
    "xavier",
]
