"""The law of randomness: under `drawing` every member draws alike from equal seeds, and the global generator rests."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from laws.members import COLUMNS, FAMILIES, POSTERIORS, PRIORS, name, raw
from laws.test_posteriors import built, prior_of
from laws.test_text import NETS, text_vae
from vaekit.distributions import draw, drawing

BUILDERS = {
    **{name(f): lambda f=f: f({k: v.detach() for k, v in raw(f, 3, (2,)).items()}, (2,)) for f in FAMILIES},
    **{
        name(f): lambda f=f: f({k: v.detach() for k, v in raw(f, 3, (len(f.columns),)).items()}, (len(f.columns),))
        for f in COLUMNS
    },
    **{f"q-{name(q)}": lambda q=q: built(q)(torch.randn(3, 4).double()) for q in POSTERIORS},
    **{f"p-{name(p)}": lambda p=p: prior_of(p) for p in PRIORS},
    **{f"text-{net}": lambda net=net: text_vae(net)[0].decode(torch.randn(3, 1)) for net in NETS},
}
X = torch.rand(5, 4, 6)
FUNCTIONS = {
    "dropout": lambda: F.dropout(X, 0.5),
    "dropout1d": lambda: F.dropout1d(X, 0.5),
    "alpha_dropout": lambda: F.alpha_dropout(X, 0.5, True),
    "native_dropout": lambda: torch.native_dropout(X, 0.5, True)[0],
    "module": lambda: nn.Dropout(0.5)(X),
    "rrelu": lambda: F.rrelu(-X, training=True),
    "gumbel_softmax": lambda: F.gumbel_softmax(X),
    "attention": lambda: F.scaled_dot_product_attention(X[None], X[None], X[None], dropout_p=0.5),
    "multi-head": lambda: nn.MultiheadAttention(6, 2, dropout=0.5)(X, X, X)[0],
    "pooling": lambda: F.fractional_max_pool2d(X[None], 2, output_ratio=(0.5, 0.5)),
    "low rank": lambda: torch.svd_lowrank(X[0], 2)[0],
    "layers": lambda: torch.cat([p.flatten() for p in nn.LSTM(3, 4).parameters()] + [nn.Conv2d(2, 3, 3).weight.flatten()]),
    "initialization": lambda: nn.init.xavier_normal_(nn.init.trunc_normal_(torch.empty(3, 3))),
    "permutation": lambda: torch.randperm(20),
    "integers": lambda: torch.randint_like(X, 9) + torch.randint(9, X.shape),
    "choices": lambda: X[0].multinomial(2),
    "in place": lambda: torch.stack([X.clone().cauchy_(), X.clone().log_normal_(), X.clone().geometric_(0.3), X.clone().random_(9)]),
    "counts": lambda: torch.binomial(X.round() * 9, X) + torch.poisson(X),
    "dirichlet": lambda: torch.distributions.Dirichlet(X + 0.1).rsample(),
    "directions": lambda: torch.distributions.VonMises(X, X + 1).sample(),
}  # fmt: skip


def check(sample):
    state = torch.get_rng_state()
    with drawing(3):
        first = sample()
    with drawing(3):
        again = sample()
    assert torch.equal(first, again)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(3)
    assert torch.equal(first, sample())


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_every_member_draws_from_the_scope_alone(build):
    distribution = build()
    check(lambda: distribution.sample((4,)))
    if distribution.has_rsample:
        check(lambda: draw(distribution, 4)[0])


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_random_function_of_torch_draws_from_the_scope_alone(function):
    check(function)


def test_nested_scopes():
    with drawing(0):
        first = torch.randn(2)
        with drawing(1):
            inner = torch.randn(2)
        second = torch.randn(2)
    torch.manual_seed(0)
    assert torch.equal(torch.stack([first, second]), torch.stack([torch.randn(2), torch.randn(2)]))
    torch.manual_seed(1)
    assert torch.equal(inner, torch.randn(2))


def test_a_generator_goes_on():
    generator = torch.Generator().manual_seed(5)
    with drawing(generator):
        first = torch.randn(2)
    with drawing(generator):
        second = torch.randn(2)
    generator.manual_seed(5)
    assert torch.equal(first, torch.randn(2, generator=generator))
    assert torch.equal(second, torch.randn(2, generator=generator))


def test_a_generator_that_is_given_stays():
    with drawing(0):
        given = torch.randn(2, generator=torch.Generator().manual_seed(7))
    assert torch.equal(given, torch.randn(2, generator=torch.Generator().manual_seed(7)))


def test_places_without_numbers():
    with drawing(0), torch.device("meta"):
        assert nn.Linear(3, 4).weight.is_meta
    with torch.device("meta"), drawing(0):
        assert torch.randn(3).is_meta


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_each_device_has_a_generator():
    def sample():
        x = torch.zeros(4, device="cuda")
        return torch.cat([torch.randn(4, device="cuda"), torch.rand_like(x), F.dropout(x + 1)]).cpu()

    state = torch.cuda.get_rng_state()
    check(sample)
    torch.cuda.set_rng_state(state)
    with drawing(torch.Generator().manual_seed(3)):
        first = sample()
    with drawing(torch.Generator().manual_seed(3)):
        assert torch.equal(first, sample())
    assert torch.equal(state, torch.cuda.get_rng_state())
