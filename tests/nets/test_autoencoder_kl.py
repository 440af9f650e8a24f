"""The autoencoder of latent diffusion: what depends on what."""

import pytest
import torch

from vaekit.nets import AutoencoderKL


@pytest.mark.parametrize(
    ("keys", "is_local"), [({"norm": "none", "attention": False}, True), ({"attention": False}, False), ({}, False)]
)
@torch.no_grad()
def test_only_norm_and_attention_see_distant_pixels(keys, is_local):
    """Latents and pixels of a part of an image are those of the whole one, away from where it is cut."""
    torch.manual_seed(0)
    spec = AutoencoderKL(widths=(8, 8), blocks=1, **keys)
    size, part = (3, 160, 8), (3, 128, 8)
    x, z = torch.randn(1, *size), torch.randn(1, 4, 80, 4)
    for long, short, given in (
        (spec.encoder(size), spec.encoder(part), (x, x[:, :, :128])),
        (spec.decoder((4, 80, 4), size), spec.decoder((4, 64, 4), part), (z, z[:, :, :64])),
    ):
        short.load_state_dict(long.state_dict())
        whole, cut = long(given[0]), short(given[1])
        inside = cut.shape[2] // 2
        error = (whole[:, :, :inside] - cut[:, :, :inside]).abs().max()
        assert bool(error < 1e-5) == is_local
