import pytest
import torch
from torch import nn

from vaekit.nets import CausalConv, SequenceTask


@pytest.mark.parametrize(("kernel", "dilations"), [(2, (1,)), (3, (1, 2)), (3, (1, 2, 4)), (4, (2, 1))])
def test_the_decoder_sees_as_far_as_it_says(kernel, dilations):
    spec = CausalConv(width=6, kernel=kernel, dilations=dilations)
    length = spec.reach + 4
    net = spec.decoder(SequenceTask(vocabulary=20, given=3, length=length)).eval()
    embedded = torch.randn(1, length, 6, requires_grad=True)
    net._hidden(embedded, torch.randn(1, 3))[0, -1].square().sum().backward()
    assert embedded.grad[0].any(-1).nonzero().min() == length - spec.reach


def test_a_block_is_a_dilated_convolution():
    """The matrix product over shifted positions is what torch's convolution computes."""
    net = CausalConv(width=6, kernel=3, dilations=(2,)).encoder(20, 9)
    block, h = net.blocks[0], torch.randn(2, 9, 6)
    conv = nn.Conv1d(6, 6, 3, padding=2, dilation=2)
    with torch.no_grad():
        conv.weight.copy_(block.conv.weight.unflatten(1, (3, 6)).transpose(1, 2))
        conv.bias.copy_(block.conv.bias)
    expected = h + conv(nn.functional.gelu(block.norm(h)).transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(block.eval()(h, 2), expected)


def test_the_state_keeps_only_what_the_blocks_reach_back_to():
    net = CausalConv(width=6, kernel=3, dilations=(1, 4)).decoder(SequenceTask(vocabulary=20, given=3, length=9))
    state = net.begin(torch.randn(5, 3))
    for _ in range(3):
        assert [tuple(part.shape) for part in state] == [(5, 3), (5, 2, 6), (5, 8, 6)]
        _, state = net.step(torch.full((5,), 4), state)


@pytest.mark.parametrize("wrong", [{"dilations": ()}, {"dilations": (0,)}, {"kernel": 1}, {"width": 0}], ids=str)
def test_impossible_convolutions_are_refused(wrong):
    with pytest.raises(ValueError):
        CausalConv(**wrong)
