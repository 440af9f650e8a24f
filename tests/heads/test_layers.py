import pytest
import torch
from torch import nn

from vaekit.heads import Heads
from vaekit.nets import Conv

LAYERS = {
    "linear": ((8,), {"a": (3,), "b": (5,), "c": (2, 2)}, lambda size: nn.Linear(8, torch.Size(size).numel())),
    "conv": ((4, 6, 5), {"a": (3, 6, 5), "b": (1, 6, 5)}, lambda size: nn.Conv2d(4, size[0], 3, padding=1)),
    "transposed": (
        (4, 6, 5),
        {"a": (3, 12, 10), "b": (2, 12, 10)},
        lambda size: nn.ConvTranspose2d(4, size[0], 4, stride=2, padding=1),
    ),
    "resize": (
        (4, 6, 5),
        {"a": (3, 12, 10), "b": (2, 12, 10)},
        lambda size: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, size[0], 3, padding=1)),
    ),
    "flatten": ((4, 2, 2), {"a": (3,), "b": (5,)}, lambda size: nn.Sequential(nn.Flatten(), nn.Linear(16, size[0]))),
}
LAYERS |= {
    f"{upsample}-{output}": (
        (decoder := Conv(widths=(4, 6), upsample=upsample, output=output).decoder((3,), (2, 11, 14))).out_size,
        {"a": (2, 11, 14), "b": (1, 11, 14)},
        decoder.head,
    )
    for upsample in ("transposed", "nearest")
    for output in ("conv", "upsample")
}
every_layer = pytest.mark.parametrize("layer", LAYERS)


@every_layer
def test_merged_evaluation_equals_each_layer_alone(layer):
    features, sizes, make = LAYERS[layer]
    heads = Heads(sizes, make).double()
    for p in heads.parameters():
        nn.init.normal_(p)
    x = torch.randn(7, *features).double()
    merged = heads(x)
    assert list(merged) == list(sizes)
    for name, size in sizes.items():
        assert merged[name].shape == (7, *size)
        torch.testing.assert_close(merged[name], heads[name](x).reshape(7, *size), rtol=1e-12, atol=1e-12)


@every_layer
def test_weights_are_separate_parameters(layer):
    features, sizes, make = LAYERS[layer]
    heads = Heads(sizes, make)
    heads(torch.randn(3, *features))["a"].square().sum().backward()
    assert len(list(heads.parameters())) == 2 * len(sizes)
    assert all(p.grad.abs().sum() > 0 for p in heads["a"].parameters())
    assert all(p.grad is None or not p.grad.any() for p in heads["b"].parameters())


@every_layer
def test_a_head_that_starts_as_a_constant(layer):
    features, sizes, make = LAYERS[layer]
    out = Heads(sizes, make, start={"b": 0.25})(torch.randn(3, *features))
    assert torch.equal(out["b"], torch.full_like(out["b"], 0.25))
    assert out["a"].std() > 0.01


def test_one_head_alone():
    heads = Heads({"a": (3,)}, lambda size: nn.Linear(8, size[0]))
    x = torch.randn(2, 8)
    assert torch.equal(heads(x)["a"], heads["a"](x))


def test_densities_get_single_precision_under_autocast():
    """Heads are the border of mixed precision: what leaves them is float32 (D14)."""
    heads = Heads({"a": (3,), "b": (3,)}, lambda size: nn.Linear(8, size[0]))
    with torch.autocast("cpu", torch.bfloat16):
        assert {part.dtype for part in heads(torch.randn(2, 8)).values()} == {torch.float32}
    assert heads.double()(torch.randn(2, 8).double())["a"].dtype == torch.float64


def test_a_head_must_end_in_a_linear_map():
    with pytest.raises(TypeError, match="must end in a linear or convolutional layer, got ReLU"):
        Heads({"a": (3,), "b": (3,)}, lambda size: nn.ReLU())(torch.zeros(1, 3))
