"""The doctor of tables: codes are no numbers, cells are missing, and a light rate is meant where a second stage follows."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from diagnosis import tables
from diagnosis.subjects import subject_of
from vaekit import MLP
from vaekit.data import Slot, read_table
from vaekit.diagnosis import CHECKS, Examination, Sample, Watch, diagnose, values
from vaekit.diagnosis.balance import balance
from vaekit.diagnosis.calibration import calibration
from vaekit.diagnosis.checks.columns import CHECKS as COLUMNS
from vaekit.diagnosis.checks.geometry import CHECKS as GEOMETRY
from vaekit.diagnosis.closeness import _of_rows, closeness
from vaekit.diagnosis.column_fit import column_fit, marginal
from vaekit.diagnosis.generalization import compared, overlap
from vaekit.diagnosis.geometry import ExchangeRate
from vaekit.diagnosis.latent_use import latent_use
from vaekit.diagnosis.remedies import fitting_families, late, lighter
from vaekit.heads import Gaussian
from vaekit.heads.scale import Fixed
from vaekit.interfaces.describing.parsing import parse
from vaekit.interfaces.runs.auto_fix import revised
from vaekit.interfaces.runs.fitting import plan
from vaekit.modalities import TableVAE, modality_named
from vaekit.objectives import ELBO
from vaekit.schedules import Constant
from vaekit.training import Training, Validation

NONE, MIXTURE, DENSITY = ("second_stage=none",), ("second_stage=gmm",), ("goal=density",)
RUNS = pytest.mark.parametrize("keys", [NONE, MIXTURE], ids=["synthesis", "second stage"])


(CHECK,) = COLUMNS


def prescribed(name, examined):
    check = next(check for check in CHECKS if check.name == name)
    return check.prescription(examined)


@RUNS
def test_a_number_or_none_and_the_model_as_it_was(keys):
    examined = tables.examination(*keys)
    model = examined.subject.model
    weights, state = copy.deepcopy(model.state_dict()), torch.random.get_rng_state()
    for check in CHECKS:
        value = check.value(examined)
        assert value is None or isinstance(value, float), (check.name, value)
        assert torch.equal(torch.random.get_rng_state(), state), check.name
    assert all(torch.equal(weights[key], value) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@RUNS
def test_missing_cells_and_codes_are_no_illness(keys):
    """NaN lies in no support, a code is no level of a scale, and rows of mixed cells span no dimension."""
    number = values(tables.examination(*keys))
    silent = ("wrong_support", "sigma_collapse", "density_on_levels", "mse_as_likelihood", "latent_too_small")
    assert all(number[name] is None for name in (*silent, "blurry_reconstructions"))
    heard = (
        "posterior_collapse",
        "decoder_ignores_latent",
        "overfitting",
        "memorized_samples",
        "leakage",
        "column_misfit",
    )
    assert all(number[name] is not None for name in (*heard, "prior_holes", "loose_bound", "underdispersed"))


@RUNS
def test_healthy_runs_have_no_severe_finding(keys):
    assert "severe" not in {finding.severity for finding in diagnose(tables.examination(*keys))}


@RUNS
def test_prescriptions_are_keys_that_tables_have(keys):
    examined, typed = tables.examination(*keys), tables.typed(*keys)
    own = plan(tables.data(), tables.settings(), typed, "fast")
    for check in CHECKS:
        if check.value(examined) is None:
            continue
        found = check.prescription(examined)
        plan(tables.data(), tables.settings(), parse(found, typed, "table"), "fast")
        if (finding := check(examined)) is not None and found:
            revised(own, finding, tables.data())


def test_a_light_rate_asks_for_the_second_stage_that_it_counts_on():
    examined = tables.examination(*NONE)
    assert values(examined)["under_regularized"] < 0.5 and values(examined)["amortization_gap"] is None
    assert prescribed("under_regularized", examined) == prescribed("prior_holes", examined) == ("second_stage=gmm",)


def test_a_run_with_a_second_stage_is_not_ill_of_its_light_rate():
    examined = tables.examination(*MIXTURE)
    assert examined.subject.description.prior.kind == "gmm" and examined.subject.has_second_stage
    assert not {check.name for check in GEOMETRY if check(examined) is not None}
    number = values(examined)
    narrow = ("under_regularized", "amortization_gap", "learning_rate_too_high")
    assert all(number[name] is None for name in narrow)
    assert number["prior_holes"] < values(tables.examination(*NONE))["prior_holes"]
    assert prescribed("prior_holes", examined) == ("second_stage=diffusion",)


def test_rows_that_repeat_are_neither_learned_by_heart_nor_copied(tmp_path, monkeypatch):
    def drawn(n):
        shares = 1 / np.arange(1, n + 1) ** 1.3
        return rng.choice(n, 3000, p=shares / shares.sum())

    rng, file = np.random.default_rng(0), tmp_path / "repeated.csv"
    causes = drawn(8)
    second = (causes + drawn(8)) % 8
    rows = zip(causes, second, (second + drawn(6)) % 6, drawn(6), strict=True)
    file.write_text("a,b,c,d\n" + "".join(f"a{a},b{b},c{c},d{d}\n" for a, b, c, d in rows))
    read = read_table(file, model_missing=True)
    monkeypatch.setattr(tables, "settings", lambda: modality_named("table").opened({"source": str(file)}))
    monkeypatch.setattr(tables, "data", lambda: read)
    subject = subject_of(tables.run.__wrapped__(*DENSITY, "steps=300"))
    found = values(Examination(subject))
    assert found["memorized_samples"] < 2 and found["overfitting"] < 0.5
    # Most rows stand in one part several times, because a split by content keeps equal rows together.
    train, test = compared(subject)
    assert len(test) < len(subject.test) / 2
    assert len(torch.cat([train.stored, test.stored]).unique(dim=0)) == len(train) + len(test)


def test_a_table_of_few_causes_leaves_latents_idle_unless_the_rate_is_pressed():
    examined = tables.examination(*DENSITY)
    check = next(check for check in CHECKS if check.name == "dead_dimensions")
    idle = replace(examined.latent_use, groups=(3.0,), information=torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 0.0]))
    for price, finding in ((1.0, None), (3.0, ("latent=4",))):
        asked = Examination(examined.subject)
        vars(asked).update(latent_use=idle, exchange_rate=ExchangeRate(distortion=price, rate=-1.0, nats=3.0))
        found = check(asked)
        assert (found and found.prescription) == finding


def test_a_heavier_rate_is_no_cure_of_empty_latents():
    subject = tables.examination(*NONE).subject
    assert lighter(subject) == ()
    assert "objective.beta.stop=0.1" in late(subject, free=False)
    heavy = replace(subject, objective=ELBO(beta=Constant(value=5.0)))
    assert lighter(heavy) == ("objective.beta=1",)


def test_the_watch_keeps_a_light_rate_light():
    watch, empty = Watch(ELBO(beta=Constant(value=0.1)), Training(warmup=0)), Validation(50.0, 0, rate=0.0, elbo=-50.0)
    (note,) = [note for step in range(10, 100, 10) for note in watch(step, 100, empty)]
    assert "objective.beta=linear objective.beta.stop=0.1 objective.beta.steps=50" in note


def test_a_planted_misfit_is_found_and_named():
    """A fixed deviation of 3 on numbers of deviation 1."""
    likelihood = ("likelihood.real=gaussian", "likelihood.real.scale=fixed", "likelihood.real.scale.value=3")
    examined = tables.examination(*NONE, *likelihood)
    found = next(finding for finding in diagnose(examined) if finding.name == "column_misfit")
    assert any(f"column {name!r}" in found.evidence for name in ("income", "gain", "noise"))
    assert found.prescription == ("likelihood.real=logistic_mixture",)
    assert prescribed("overdispersed", examined) == ("likelihood.real=logistic_mixture",)
    assert values(examined)["overdispersed"] < 0.7 < values(tables.examination(*NONE))["overdispersed"]


@pytest.mark.parametrize("keys", [NONE, DENSITY], ids=["synthesis", "density"])
def test_no_column_of_a_healthy_run_is_told_worse_than_by_its_own_distribution(keys):
    assert CHECK.value(tables.examination(*keys)) < CHECK.threshold / 2


def test_a_decoder_without_latents_is_as_good_as_the_columns_themselves():
    """Of a model that was trained to nothing but the marginals, the misfit is about zero."""
    subject = tables.examination("goal=density", "objective.beta=50", "steps=300").subject
    found = column_fit(subject, 1000)
    misfit = (found.marginal - found.model)[~found.model.isnan()]
    assert misfit.abs().max() < 0.25 and misfit.mean().abs() < 0.1


@pytest.mark.parametrize("kind", ["categorical", "ordinal", "count"])
def test_shares_sum_to_one(kind):
    known = torch.tensor([0.0, 0, 0, 1, 4, 4], dtype=torch.float64)
    seen = marginal(Slot(name="a", kind=kind, levels=0 if kind == "count" else 6), known, torch.tensor([0.0, 1, 4, 2]))
    assert seen.exp().sum().item() == pytest.approx(1)


def test_a_density_integrates_to_one():
    torch.manual_seed(0)
    known = torch.cat([torch.randn(300) * 0.1 - 2, torch.randn(300) + 2]).double()
    x = torch.linspace(-60, 60, 6001, dtype=torch.float64)
    total = marginal(Slot(name="a", kind="real"), known, x).exp().sum().item() * 0.02
    assert total == pytest.approx(1, abs=2e-3)  # the wide density has a thousandth beyond


def test_ranks_are_of_observed_cells_that_have_an_order():
    subject = tables.examination(*NONE).subject
    found = calibration(subject)
    assert found.outside is None and found.dispersion == pytest.approx(1, abs=0.3)
    codes = tuple(Slot(name=s.name, kind="categorical", levels=2) for s in subject.description.slots)
    described = subject.description.model_copy(update={"slots": codes})
    names = replace(subject, view=replace(subject.view, model=described))
    assert calibration(names).dispersion is None


def test_copies_of_training_rows_are_nearer_to_them():
    subject = tables.examination(*NONE).subject
    torch.manual_seed(0)
    view, count = subject.view, 60
    rows = torch.cat([subject.train.stored[:count], subject.test.stored[:count]])
    samples = rows[:count].nan_to_num(0.0).repeat(3, 1), subject.train.stored[count : 3 * count].nan_to_num(0.0)
    copies, fresh = (_of_rows(view.decode(made), view.decode(rows), view.traits.columns) for made in samples)
    assert copies.share > 0.9 and copies.score > 5
    assert abs(fresh.score) < 3.5
    assert closeness(replace(subject, view=replace(subject.view, schema=None))) is None


def test_rows_that_are_alike_by_nature_are_no_leak():
    """A table of few classes has every row in either part; a copied table has none twice in training."""
    subject = tables.examination(*NONE).subject
    torch.manual_seed(0)
    few = [Sample(torch.randint(3, (300, 2)).float()) for _ in range(2)]
    assert overlap(replace(subject, test=few[0], train=few[1])).share < 0.01
    assert overlap(replace(subject, test=Sample(subject.train.stored[:50]))).share > 0.9
    assert overlap(subject).share == 0


def test_vectors_of_codes_make_no_side_stronger():
    slots = tuple(Slot(name=f"a{i}", kind="categorical", levels=5000) for i in range(2))
    description = TableVAE(slots=slots, latent=4, net=MLP(widths=(128, 128)))
    torch.manual_seed(0)
    rows = Sample(torch.randint(5000, (64, 2)).float())
    seen = replace(tables.examination(*NONE).subject, model=description.build().eval(), description=description)
    assert balance(replace(seen, test=rows, train=rows)).parameters < 5


def test_latents_are_looked_at_as_those_of_any_other_data():
    use = latent_use(tables.examination(*NONE).subject, 256)
    assert use.dimension is None and use.used == use.latents == 6 and use.drop > use.rate > 1


def test_families_are_prescribed_where_there_are_better_ones():
    subject = tables.examination(*NONE).subject
    assert fitting_families(subject) == ()
    likelihood = subject.description.likelihood.replace(real=Gaussian(scale=Fixed()))
    plain = replace(subject, view=replace(subject.view, model=subject.description.replace(likelihood=likelihood)))
    assert fitting_families(plain) == fitting_families(plain, "real") == ("likelihood.real=logistic_mixture",)
    assert fitting_families(plain, "categorical") == ()
