"""Nets may compute in bf16; densities do not, and the bound stays within 0.5 % of that in single precision."""

import pytest
import torch

from vaekit import ImageVAE
from vaekit.heads import Bernoulli, DiscretizedLogisticMixture
from vaekit.nets import MLP, AutoencoderKL, Conv, Hierarchical, Residual

NETS = {
    "mlp": MLP(widths=(32, 32), residual=True, norm="layer"),
    "conv": Conv(widths=(8, 16)),
    "residual": Residual(widths=(8, 16), blocks=2, squeeze=True, attention=True),
    "hierarchical": Hierarchical(widths=(8, 16), groups=(1, 2), channels=4, blocks=2),
    "dense below": Hierarchical(widths=(8, 32), groups=(0, 2), channels=4, dense=True),
    "autoencoder_kl": AutoencoderKL(widths=(8, 16)),
}


@pytest.mark.parametrize(
    "likelihood", [Bernoulli(), DiscretizedLogisticMixture(components=3)], ids=lambda each: each.kind
)
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_the_bound_in_bf16_is_near_that_in_single_precision(net, likelihood):
    torch.manual_seed(0)
    model = ImageVAE(shape=(1, 12, 16), latent=48, net=net, likelihood=likelihood).build()
    x = (
        torch.rand(32, 1, 12, 16).round()
        if likelihood.kind == "bernoulli"
        else torch.randint(256, (32, 1, 12, 16)).float()
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10):  # away from where all rates are nothing
        optimizer.zero_grad()
        model(x).elbo.mean().neg().backward()
        optimizer.step()
    found = []
    for low in (False, True):
        torch.manual_seed(1)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=low):
            trace = model(x)
        assert trace.log_likelihood.dtype == trace.kl.dtype == torch.float32
        assert all(latent.q.mean.dtype == latent.p.stddev.dtype == torch.float32 for latent in trace.latents)
        found.append(trace.elbo.mean().item())
    assert found[1] == pytest.approx(found[0], rel=0.005)
