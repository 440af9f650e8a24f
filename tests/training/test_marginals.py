"""Intercepts are moved until the marginals of categories are those of training, and nothing else is."""

import pytest
import torch

from vaekit.data import Slot
from vaekit.modalities import TableVAE
from vaekit.models import evaluating
from vaekit.nets import MLP
from vaekit.training.marginals import match_marginals

SLOTS = (
    Slot(name="sex", kind="categorical", levels=2),
    Slot(name="age", kind="real"),
    Slot(name="city", kind="categorical", levels=4),
    Slot(name="rank", kind="ordinal", levels=3),
    Slot(name="city?", kind="categorical", levels=2),
)
CITY, MASK = 2, 4
SHARES = {0: [0.9, 0.1], CITY: [0.05, 0.6, 0.3, 0.05], MASK: [0.7, 0.3]}


def planted(rows=20_000):
    """Rows with these shares; the city is missing where its mask says so."""
    x = torch.randn(rows, len(SLOTS))
    for place, shares in SHARES.items():
        x[:, place] = torch.multinomial(torch.tensor(shares), rows, replacement=True).float()
    x[:, 3] = torch.randint(3, (rows,)).float()
    x[x[:, MASK] == 1, CITY] = torch.nan
    return x


@pytest.fixture
def model():
    """A model whose marginals are far from those of the rows, and depend on the latent."""
    vae = TableVAE(slots=SLOTS, latent=2, net=MLP(widths=(8,))).build()
    with torch.no_grad():
        for name, value in vae.likelihood.named_parameters():
            if "0_logits" in name:
                value.copy_(torch.randn_like(value))
    return vae


def shares(model, place, among=None):
    """Return the shares of a variable's codes in rows that are made; NaN-free."""
    made = model.decode(*model.prior_sample(60_000)).sample()
    made = made if among is None else made[made[:, among] == 0]
    return made[:, place].long().bincount(minlength=SLOTS[place].levels) / len(made)


def test_marginals_are_reached_each_where_its_variable_is_observed(model):
    with evaluating(model, 0):
        before, after = match_marginals(model, planted(), {CITY: MASK})
        assert before > 0.1 and after < 1e-3
        for place, wanted in SHARES.items():
            found = shares(model, place, MASK if place == CITY else None)
            assert found.tolist() == pytest.approx(wanted, abs=0.02)


def test_without_a_mask_the_marginal_is_over_all_rows(model):
    with evaluating(model, 0):
        match_marginals(model, planted())
        assert shares(model, CITY).tolist() == pytest.approx(SHARES[CITY], abs=0.02)


def test_nothing_but_the_intercepts_of_categories_changes(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with evaluating(model, 0):
        match_marginals(model, planted(1000), {CITY: MASK})
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert len(changed) == 1 and next(iter(changed)).endswith("bias") and "0_logits" in next(iter(changed))


def test_a_category_that_never_occurs_stays_possible(model):
    x = planted(1000)
    x[:, 0] = 0.0
    with evaluating(model, 0):
        match_marginals(model, x)
        assert all(value.isfinite().all() for value in model.parameters())
        assert 0 < shares(model, 0)[1] < 0.01


def test_a_table_without_categories_is_left_alone():
    model = TableVAE(slots=SLOTS[1:2], latent=2, net=MLP(widths=(8,))).build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with evaluating(model, 0):
        assert match_marginals(model, torch.randn(100, 1)) == (0.0, 0.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
