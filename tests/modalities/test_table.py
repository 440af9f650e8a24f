"""The description of a model of tables: it builds, makes rows of the kinds of its variables, and refuses what cannot be."""

import pytest
import torch
from pydantic import ValidationError

from vaekit.data import Slot, table_to_dataset, texts_to_dataset
from vaekit.heads import GMM, Gaussian, Poisson, StudentT, Vamp, VonMisesFisher
from vaekit.modalities import TableVAE, TableView
from vaekit.modalities.table.description import ColumnLikelihoods
from vaekit.nets import MLP, ColumnTransformer

SLOTS = (
    Slot(name="age", kind="real"),
    Slot(name="city", kind="categorical", levels=5),
    Slot(name="gain", kind="categorical", levels=2),
    Slot(name="gain:rest", kind="real"),
    Slot(name="visits", kind="count"),
    Slot(name="rank", kind="ordinal", levels=3),
    Slot(name="age?", kind="categorical", levels=2),
)
NETS = [MLP(widths=(8,)), ColumnTransformer(width=8, layers=1, heads=2)]
ROWS = {"n": [i / 3 for i in range(40)], "m": [float(i % 7) + 0.5 for i in range(40)], "k": ["a", "b"] * 20}


def described(**keys):
    return TableVAE(**{"slots": SLOTS, "latent": 2, "net": NETS[0], **keys})


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.kind)
def test_it_builds_and_makes_rows_of_the_kinds_of_its_variables(net):
    x = described(net=net).build().eval().generate(500)
    assert x.shape == (500, len(SLOTS))
    for place, slot in enumerate(SLOTS):
        if slot.kind != "real":
            assert (x[:, place] == x[:, place].round()).all() and (x[:, place] >= 0).all()
        if slot.levels:
            assert x[:, place].max() < slot.levels


@pytest.mark.parametrize("net", NETS, ids=lambda net: net.kind)
def test_cells_that_are_missing_cost_nothing(net):
    model = described(net=net).build().eval()
    x = model.generate(4)
    gone = x.clone()
    gone[:, 1] = torch.nan
    with torch.no_grad():
        p = model.decode(*model.prior_sample(4))
        assert torch.allclose(p.log_prob_cells(x)[:, [0, *range(2, 7)]].sum(1), p.log_prob(gone), atol=1e-5)
        assert model.encode(gone).mean.isfinite().all()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"net": NETS[1], "goal": "imputation", "hide": 0.3},
        {"prior": GMM(components=3, covariance="full")},
        {"likelihood": ColumnLikelihoods(real=StudentT(), count=Poisson()), "condition": "label", "context": 2},
    ],
    ids=["plain", "transformer", "gmm", "families"],
)
def test_it_goes_through_json(keys):
    model = described(**keys)
    assert TableVAE.model_validate_json(model.model_dump_json()) == model
    assert (
        model.build().state_dict().keys()
        == TableVAE.model_validate_json(model.model_dump_json()).build().state_dict().keys()
    )


def test_families_follow_the_kinds_of_variables():
    columns = described(likelihood=ColumnLikelihoods(real=Gaussian(), count=Poisson())).family.columns
    assert [family.kind for family in columns] == [
        *("gaussian", "categorical", "categorical", "gaussian", "poisson", "ordinal", "categorical"),
    ]
    assert (described().measure, described(slots=SLOTS[1:3]).measure) == ("mixed", "counting")
    assert described(slots=SLOTS[:1], likelihood=ColumnLikelihoods(real=Gaussian())).measure == "lebesgue"


def test_a_context_is_given_to_all_parts():
    model = described(condition="label", context=3).build()
    context = torch.eye(3)
    x = model.generate(3, context)
    assert x.shape == (3, len(SLOTS))
    assert model.encode(x, context).mean.shape == (3, 2)


def test_the_variables_of_a_column_are_missing_together():
    assert described()._columns == [0, 1, 2, 2, 4, 5, 0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"prior": Vamp()}, "prior=vamp learns pseudo-inputs by gradient, which categories have none of"),
        ({"slots": ()}, "at least 1 item"),
        ({"latent": 0}, "greater than or equal to 1"),
        ({"hide": 0.6}, "less than or equal to 0.5"),
        ({"goal": "beauty"}, "synthesis"),
        ({"condition": "context"}, "none"),
        ({"posterior": VonMisesFisher(), "prior": GMM()}, "unit vectors"),
        ({"unknown": 1}, "[Ee]xtra"),
    ],
)
def test_what_cannot_be_is_refused(keys, said):
    with pytest.raises((ValidationError, ValueError), match=said):
        described(**keys)


def test_data_of_another_kind_or_with_other_variables_are_refused():
    data = table_to_dataset(ROWS)
    model = TableVAE(slots=data.schema.slots, latent=2, net=NETS[0])
    model.check(data)
    fewer = TableVAE(slots=data.schema.slots[:-1], latent=2, net=NETS[0])
    with pytest.raises(ValueError, match="the data have 3 variables; read it with the run's schema"):
        fewer.check(data)
    with pytest.raises(ValueError, match="the variable 'n' differs"):
        described().check(data)
    with pytest.raises(ValueError, match="the model is one of tables, but the data are none"):
        model.check(texts_to_dataset(["a b", "b a", "c a"]))
    data.values[:] = -1.0
    with pytest.raises(ValueError, match="column"):
        model.check(data)


def test_a_view_knows_units_sizes_and_that_rows_are_no_pictures():
    data = table_to_dataset(ROWS)
    model = TableVAE(slots=data.schema.slots, latent=2, net=NETS[0])
    view = TableView(model, data.schema)
    x = view.prepare(data.values.double())
    assert x.dtype == torch.float32
    gone = x.clone()
    gone[0] = torch.nan
    gone[1, 0] = torch.nan
    assert view.sizes(gone)[:3].tolist() == [1, 2, 3]
    assert torch.equal(view.log_jacobian(x), data.schema.log_jacobian(x)) and view.log_jacobian(x).abs().sum() > 0
    assert not TableView(model).log_jacobian(x).any()
    assert view.decode(x).equals(data.schema.decode(x))
