"""Architectures: tensors in, tensors out. Weights, no probability.

An architecture is a value (`MLP`, `Conv`) that makes both directions, so that encoder and decoder can never be
configured apart: `encoder(size)` maps a datum to features, `decoder(given, size)` maps a latent back to features from
which a head of `size` can be read. Every network says what it returns (`out_size`) and which layer reads it (`head`).

A row of a table is read by `table_encoder`, whatever the architecture behind: `MLP`, or `ColumnTransformer`, which takes
a number of columns instead of sizes.

An architecture of sequences (`Recurrent`, `Transformer`, `CausalConv`) takes tokens instead of sizes:
`encoder(vocabulary, length)` reads a text, and `decoder(task)` is a `CausalNet`, which predicts one token after another.
"""

from vaekit.nets.activation import Activation as Activation, activation as activation
from vaekit.nets.autoencoder_kl import AutoencoderKL as AutoencoderKL
from vaekit.nets.causal import CausalNet as CausalNet, SequenceTask as SequenceTask
from vaekit.nets.causal_conv import CausalConv as CausalConv
from vaekit.nets.column_transformer import ColumnTransformer as ColumnTransformer
from vaekit.nets.conv import Conv as Conv
from vaekit.nets.discriminator import PatchDiscriminator as PatchDiscriminator
from vaekit.nets.hierarchical import Hierarchical as Hierarchical
from vaekit.nets.initialization import kaiming as kaiming, xavier as xavier
from vaekit.nets.join import Join as Join, joined_size as joined_size
from vaekit.nets.mlp import MLP as MLP
from vaekit.nets.normalization import Norm as Norm, norm as norm
from vaekit.nets.random_features import RandomFeatures as RandomFeatures
from vaekit.nets.recurrent import Recurrent as Recurrent
from vaekit.nets.residual import Residual as Residual
from vaekit.nets.shapes import (
    Network as Network,
    Widths as Widths,
    is_network as is_network,
    linear_head as linear_head,
    output_size as output_size,
    parameter_count as parameter_count,
)
from vaekit.nets.standardize import Standardize as Standardize
from vaekit.nets.table import TableEncoder as TableEncoder, code_width as code_width, table_encoder as table_encoder
from vaekit.nets.transformer import Transformer as Transformer
from vaekit.nets.velocity import VelocityNet as VelocityNet
