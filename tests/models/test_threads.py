"""A trained model may be used by any number of threads at once: what each gets is what it would get alone, bit by bit."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from laws.test_text import text_vae
from vaekit.data.table.codec import Slot
from vaekit.distributions import Autoregressive, Columns, Decoding, point
from vaekit.evaluation import bounds
from vaekit.heads import GMM, IAF, VQ, Bernoulli, FlowPrior, Gaussian, Planar, RealNVP, Shared, Vamp, VonMisesFisher
from vaekit.modalities import ImageVAE, TableVAE
from vaekit.models import evaluating, resample
from vaekit.nets import MLP, ColumnTransformer, Conv

THREADS = 8
IMAGE = {"shape": (1, 8, 8), "latent": 3, "net": MLP(widths=(16,))}
IMAGES = {
    "mlp": {"likelihood": Gaussian()},
    "conv": {"net": Conv(widths=(4, 8), norm="batch"), "posterior": VonMisesFisher()},
    "iaf, flow prior": {"posterior": IAF(transforms=1, hidden=(8,)), "prior": FlowPrior(transforms=2, hidden=(8,))},
    "realnvp, mixture": {
        "posterior": RealNVP(transforms=2, hidden=(8,)),
        "prior": GMM(components=3, covariance="full"),
    },
    "planar": {"posterior": Planar(transforms=2, hidden=(8,)), "likelihood": Gaussian(scale=Shared())},
    "vamp": {"prior": Vamp(components=4), "likelihood": Bernoulli(), "net": Conv(widths=(4, 8), norm="batch")},
    "vq": {"posterior": VQ(codes=6, width=2)},
}
SLOTS = (Slot(name="a", kind="real"), Slot(name="b", kind="categorical", levels=3), Slot(name="c", kind="count"))


def image(**keys):
    model = ImageVAE(**{"likelihood": Bernoulli(), **IMAGE, **keys}).build()
    return model, torch.rand(4, 1, 8, 8).round()


def table(net):
    x = torch.tensor([[0.3, 2.0, 4.0], [torch.nan, 1.0, 0.0], [-1.0, 0.0, torch.nan], [2.0, 2.0, 1.0]])
    return TableVAE(slots=SLOTS, latent=3, net=net, hide=0.3).build(), x


MODELS = {
    **{name: lambda keys=keys: image(**keys) for name, keys in IMAGES.items()},
    "table": lambda: table(MLP(widths=(16,), dropout=0.1)),
    "column transformer": lambda: table(ColumnTransformer(width=8, heads=2, layers=1)),
    **{f"text-{net}": lambda net=net: (lambda m, x: (m, x[:6]))(*text_vae(net, latent=2)) for net in ("lstm", "transformer")},
}  # fmt: skip


def calls(model, x):
    """Return what can be asked of the model, each with noise of its own."""
    z, likelihood = model.points(x)[0], model(x).likelihood
    asked = {
        "encode": lambda: model.encode(x).sample((2,)),
        "means": lambda: torch.cat(model.points(x)),
        "decode": lambda: point(model.decode(z)),
        "prior": lambda: model.prior_sample(5)[0],
        "generate": lambda: model.generate(3),
        "reconstruct": lambda: model.reconstruct(x),
        "sample": lambda: model.decode(z).sample((2,)),
        "likelihood": lambda: model.decode(z).log_prob(x),
        "bounds": lambda: torch.cat([(found := bounds(model, [x], samples=2)).elbo, found.iw]),
    }
    if isinstance(likelihood, Autoregressive):
        asked["text"] = lambda: model.decode(z).decode(Decoding(top_k=4))
    if isinstance(likelihood, Columns):
        asked["resample"] = lambda: resample(model, x, proposals=8, draws=2).z[0]
    return asked


def answer(model, ask, seed):
    with evaluating(model, seed):
        return ask()


@pytest.mark.parametrize("name", MODELS)
def test_threads_get_what_they_would_get_alone(name):
    model, x = MODELS[name]()
    if callable(getattr(model.posterior, "initialize", None)):
        model.posterior.initialize(x)
    model.eval().requires_grad_(False)
    asked = calls(model, x)
    jobs = [(key, seed) for key in asked for seed in range(3)]
    expected = {job: answer(model, asked[job[0]], job[1]) for job in jobs}
    count, state, interval = 200 if name == "mlp" else 30, torch.get_rng_state(), sys.getswitchinterval()

    def work(thread):
        order = random.Random(thread).choices(jobs, k=count)
        return [job for job in order if not torch.equal(answer(model, asked[job[0]], job[1]), expected[job])]

    try:
        sys.setswitchinterval(1e-5)  # threads take turns in the middle of every call
        with ThreadPoolExecutor(THREADS) as pool:
            wrong = [job for found in pool.map(work, range(THREADS)) for job in found]
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module.training for module in model.modules())
