import pytest
import torch
from torch import nn

from vaekit.nets import Conv


@pytest.mark.parametrize(
    ("kernel", "grid", "ladder"),
    [
        (3, (28, 28), [(28, 28), (14, 14), (7, 7), (4, 4)]),
        (3, (33, 50), [(33, 50), (17, 25), (9, 13), (5, 7)]),
        (4, (33, 50), [(33, 50), (16, 25), (8, 12), (4, 6)]),
    ],
)
def test_ladder(kernel, grid, ladder):
    assert Conv(widths=(4, 4, 4), kernel=kernel).ladder(grid) == ladder


@pytest.mark.parametrize(("kernel", "grid", "most"), [(3, (5, 7), 3), (4, (5, 7), 2), (3, (1, 1), 0), (3, (1, 4), 2)])
def test_too_many_stages_are_refused_with_the_cure(kernel, grid, most):
    if most:
        assert len(Conv(widths=(4,) * most, kernel=kernel).ladder(grid)) == most + 1
    with pytest.raises(ValueError, match=rf"allows {most} halvings .*give fewer widths"):
        Conv(widths=(4,) * (most + 1), kernel=kernel).encoder((1, *grid))


@pytest.mark.parametrize("size", [(28,), (28, 28), (1, 1, 28, 28)], ids=str)
def test_only_images_are_taken(size):
    with pytest.raises(ValueError, match=r"needs images \(C, H, W\)"):
        Conv().encoder(size)


def test_the_decoder_mirrors_the_encoder():
    spec = Conv(widths=(4, 6, 8), upsample="transposed")
    encoder, decoder = spec.encoder((1, 16, 16)), spec.decoder((3,), (1, 16, 16))
    down = [(m.in_channels, m.out_channels) for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    up = [(m.in_channels, m.out_channels) for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert down == [(1, 4), (4, 6), (6, 8)]
    assert up == [(8, 6), (6, 4), (4, 4)]
    assert decoder.stem.out_features == 8 * 2 * 2


@pytest.mark.parametrize("upsample", ["transposed", "nearest"])
def test_upsampling_is_of_the_kind_asked_for(upsample):
    spec = Conv(widths=(4, 6), upsample=upsample, output="upsample")
    decoder = spec.decoder((3,), (2, 16, 16))
    kinds = [type(m) for m in (*decoder.modules(), *decoder.head((2, 16, 16)).modules())]
    assert (nn.ConvTranspose2d in kinds) == (upsample == "transposed")
    assert (nn.Conv2d in kinds) == (upsample == "nearest")


def test_the_last_upsampling_as_output_is_cheaper():
    assert Conv(widths=(4, 6)).decoder((3,), (2, 16, 16)).out_size == (4, 16, 16)
    assert Conv(widths=(4, 6), output="upsample").decoder((3,), (2, 16, 16)).out_size == (4, 8, 8)


def test_nearest_unpooling_has_no_checkerboard():
    """A constant map stays constant away from the border: each output sees as many inputs as its neighbour."""
    decoder = Conv(widths=(2, 2), norm="none", upsample="nearest").decoder((3,), (1, 32, 32))
    up = decoder.stages[0]
    inner = up(torch.ones(1, 2, 8, 8))[0, 0, 2:-2, 2:-2]
    torch.testing.assert_close(inner, inner[0, 0].expand_as(inner))
