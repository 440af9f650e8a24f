"""What every check of the doctor keeps to, over the members of the algebra, few data, no training data and broken weights."""

import copy
import math
import re
from dataclasses import replace
from functools import cache

import pytest
import torch

from diagnosis import subjects
from vaekit import MLP, VAE, Bernoulli, Conditional, Gaussian, StandardNormal
from vaekit.data import read_images, unpacked
from vaekit.diagnosis import CHECKS, Examination, Finding, Sample, Subject
from vaekit.diagnosis.doctor import EXPLAINS, folded
from vaekit.diagnosis.finding import SEVERITIES
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.parsing import described, parse
from vaekit.interfaces.describing.planning import plan
from vaekit.interfaces.runs.auto_fix import revised
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.recording import Recording
from vaekit.interfaces.runs.trainer import Trainer
from vaekit.modalities import Plain, modality_named

TINY = ("latent=3", "net.kind=mlp", "net.widths=[12]", "net.residual=false", "steps=3", "batch=16", "precision=fp32")
DIGITS, SETTINGS = read_images("digits"), modality_named("image").opened({"source": "digits"})
DEQUANTIZED = ("dequantize=true", "likelihood.scale.kind=shared")
BERNOULLI = ("likelihood=bernoulli", "likelihood.binarize=dynamic")
FLOW = ("transforms=2", "hidden=[8]")
ROW = {
    "epoch": 1.0,
    "lr": 1e-3,
    "train_loss": 90.0,
    "train_elbo": -90.0,
    "train_distortion": 80.0,
    "train_rate": 10.0,
    "distortion": 80.0,
    "active_units": 3,
    "rate_per_dimension": [3.0, 3.0, 4.0],
    "skipped": 0,
    "non_finite": 0,
    "rollbacks": 0,
}
HISTORY = ({"step": 1, **ROW, "elbo": -95.0, "rate": 10.0}, {"step": 3, **ROW, "elbo": None, "rate": None})

MEMBERS = {
    "gaussian": (),
    "full": ("posterior=full",),
    "laplace": ("posterior=laplace",),
    "iaf": ("posterior=iaf", *(f"posterior.{key}" for key in FLOW)),
    "vmf": ("posterior=vmf",),
    "poincare": ("posterior=poincare", "latent=2"),
    "gumbel": ("posterior=gumbel", "posterior.classes=4"),
    "vq": ("posterior=vq", "posterior.codes=8", "posterior.width=2"),
    "delta": ("posterior=delta",),
    "gmm": ("prior=gmm", "prior.components=4"),
    "vamp": ("prior=vamp", "prior.components=4"),
    "flow": ("prior=flow", *(f"prior.{key}" for key in FLOW)),
    "bernoulli": BERNOULLI,
    "density": ("likelihood=gaussian", *DEQUANTIZED),
    "grey density": ("likelihood=gaussian", "likelihood.scale.kind=exp"),
    "fixed": ("likelihood=laplace", "likelihood.scale.kind=fixed"),
    "mixture": ("likelihood=discretized_logistic_mixture", "likelihood.components=2"),
    "categorical": ("likelihood=categorical",),
    "counts": ("likelihood=poisson",),
    "beta": ("likelihood=beta", "dequantize=true"),
    "conditional": ("condition=label",),
    "batch norm": ("net.norm=batch",),
    "conv": ("net.kind=conv", "net.widths=[4, 4]", "objective=wae"),
    "mmd": ("objective=mmd",),
    "total correlation": ("objective=beta_tc", "latent=1"),
}
SPOILED = ("free", "no training data", "three data", "one datum", "nan", "no history", "static")


def words(name):
    """Return the keys of a case: its own go before those that make it small."""
    own = MEMBERS.get(name, (*BERNOULLI[:1], "likelihood.binarize=static") if name == "static" else ())
    return (*(word for word in TINY if not (name == "conv" and word.startswith("net."))), *own)


@cache
def subject(name) -> Subject:
    """Return an untrained model with few digits."""
    torch.manual_seed(0)
    if name == "free":
        return composed()
    experiment = plan(DIGITS, SETTINGS, parse(words(name)), "fast")
    model = experiment.model.build().eval()
    view = experiment.model.view()
    data = view.settle(DIGITS)
    stored, context = unpacked(data.stored)
    parts = [data.drawn("test", 20), data.drawn("train", 60)]
    test, train = (Sample(stored[rows], tuple(c[rows] for c in context), data.labels[rows]) for rows in parts)
    whole = Subject(model, view, test, train, experiment.model, experiment.objective, experiment.training)
    whole = replace(whole, history=HISTORY)
    match name:
        case "no training data":
            return replace(whole, train=None)
        case "three data" | "one datum":
            few = Sample(*(stored[: 3 if name == "three data" else 1] for stored in (test.stored,)))
            return replace(whole, test=few, train=replace(train, stored=train.stored[:5], labels=None))
        case "no history":
            return replace(whole, history=())
        case "nan":
            for parameter in model.parameters():
                parameter.data.fill_(torch.nan)
    return whole


def composed():
    """Return a composition of one's own, on data outside its likelihood's support."""
    net = MLP(widths=(8,), norm="batch")
    model = VAE(
        StandardNormal((2,)),
        Conditional(net.encoder((5,)), Gaussian(), given=(5,), event=(2,)),
        Conditional(net.decoder((2,), (5,)), Bernoulli(), given=(2,), event=(5,)),
    ).eval()
    return Subject(model, Plain(model), Sample(torch.rand(20, 5)), Sample(torch.rand(60, 5)), history=HISTORY)


@cache
def examination(name):
    return Examination(subject(name))


CASES = pytest.mark.parametrize("name", [*MEMBERS, *SPOILED])


def numbers(examined):
    """Return the number of each check that applies."""
    return {check: value for check in CHECKS if (value := check.value(examined)) is not None}


def test_names_are_unique_words():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_is_said_is_short_and_has_its_source(check):
    ends = re.findall(r"[.!?](?=\s+[A-Z]|$)", check.explanation)
    assert 1 <= len(ends) <= 2, check.explanation
    assert check.explanation.endswith(".")
    if check.source:
        for source in check.source.split("; "):
            assert re.fullmatch(r"[^\d\"]+, \d{4}, \"[^\"]+\"", source), source
    assert check.measure and check.remedy and check.effect
    assert check.threshold == pytest.approx(check.threshold)


@CASES
def test_a_number_or_none_and_the_model_as_it_was(name):
    seen, examined = subject(name), examination(name)
    weights, state = copy.deepcopy(seen.model.state_dict()), torch.random.get_rng_state()
    modes = [module.training for module in seen.model.modules()]
    for check in CHECKS:
        value = check.value(examined)
        assert value is None or isinstance(value, float), (check.name, value)
        assert torch.equal(torch.random.get_rng_state(), state), check.name
    after = seen.model.state_dict()
    assert all(torch.equal(weights[key], after[key]) or weights[key].isnan().any() for key in weights)
    assert [module.training for module in seen.model.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in seen.model.parameters())


@CASES
def test_what_is_prescribed_makes_an_experiment_that_starts(name, tmp_path):
    """On top of the run's own keys, and on top of its resolved description; a model of one's own has no keys."""
    examined = examination(name)
    found = {check: check.prescription(examined) for check in numbers(examined)}
    assert all(isinstance(keys, tuple) and all("=" in key for key in keys) for keys in found.values())
    if examined.subject.description is None:
        return
    for keys in set(found.values()):
        parse(keys, parse(words(name)))
    for number, check in enumerate(check for check in found if found[check]):
        if (finding := check(examined)) is not None and finding.prescription:
            plan(DIGITS, SETTINGS, parse(finding.prescription, parse(words(name))), "fast")
            own = plan(DIGITS, SETTINGS, parse(words(name)), "fast")
            again, data = revised(own, finding, DIGITS)
            Recording(RunFolder(tmp_path / str(number)), Trainer(again, data))


def experiment(subject):
    own = {"model": subject.description, "objective": subject.objective, "training": subject.training}
    return Experiment(data=SETTINGS, preset="fast", **own)


def changed(subject, keys):
    """Return whether keys make another experiment than the run's, once all that they imply is resolved."""
    own = experiment(subject)
    again = plan(DIGITS, SETTINGS, parse(keys, described(own)), "fast")
    return any(getattr(own, part) != getattr(again, part) for part in ("data", "model", "objective", "training"))


@CASES
def test_no_prescription_repeats_the_run(name):
    """Neither for the run as it is, nor for one that has taken the prescription already."""
    examined = examination(name)
    if (subject := examined.subject).description is None:
        return
    for check in numbers(examined):
        if not (keys := check.prescribed(examined)):
            continue
        assert changed(subject, keys), (check.name, keys)
        try:
            again = plan(DIGITS, SETTINGS, parse(keys, described(experiment(subject))), "fast")
        except ValueError:  # two findings of a broken run may ask for what does not go together
            continue
        after = copy.copy(examined)
        after.subject = replace(
            subject,
            description=again.model,
            objective=again.objective,
            training=again.training,
            view=again.model.view(),
        )
        left = check.prescribed(after)
        assert not left or changed(after.subject, left), (check.name, keys, left)


def test_what_has_nothing_left_to_offer_says_so():
    check = next(one for one in CHECKS if one.name == "latent_too_large")
    examined = examination("gaussian")
    check = replace(check, value=lambda _: 2.0, prescription=lambda _: ("latent=3", "lr=0.001"))
    held = replace(examined.subject, training=examined.subject.training.replace(lr=1e-3))
    again = copy.copy(examined)
    again.subject = held
    finding = check(again)
    assert finding.prescription == () and "none is left to try" in finding.remedy
    assert check.prescribed(examined) == (() if examined.subject.training.lr == 1e-3 else ("latent=3", "lr=0.001"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_severity_grows_with_the_distance(check):
    beyond = 1e9 if check.fires == "above" else -1e9
    ranks = [SEVERITIES.index(check.severity_of(value)) for value in (check.threshold, beyond, math.nan)]
    assert ranks[0] == SEVERITIES.index(check.severity)
    assert ranks[1] == ranks[2] == max(0, ranks[0] - 1)


def test_what_explains_another_finding_has_no_circle_and_known_names():
    names = {check.name for check in CHECKS}
    assert set(EXPLAINS) | set().union(*EXPLAINS.values()) <= names
    for cause in EXPLAINS:
        reached, front = set(), {cause}
        while front:
            front = set().union(*(EXPLAINS.get(one, set()) for one in front)) - reached
            reached |= front
        assert cause not in reached, cause


def test_what_is_explained_is_folded_under_its_cause():
    def finding(name):
        texts = dict.fromkeys(("evidence", "explanation", "source", "remedy", "effect", "measure"), "")
        return Finding(name=name, severity="warning", prescription=(), value=1.0, threshold=0.0, **texts)

    found = folded([finding(n) for n in ("blurry_reconstructions", "leakage", "posterior_collapse", "loose_bound")])
    assert [(one.name, one.explained_by) for one in found] == [
        ("leakage", ""),
        ("posterior_collapse", ""),
        ("blurry_reconstructions", "posterior_collapse"),
        ("loose_bound", ""),
    ]
    # What lies behind two others is the cause of both.
    chain = folded([finding(n) for n in ("blurry_reconstructions", "posterior_collapse", "mse_as_likelihood")])
    assert [one.explained_by for one in chain] == ["", "mse_as_likelihood", "mse_as_likelihood"]


@pytest.mark.parametrize(
    "keys",
    [(), ("objective.beta=20",), ("latent=1", "lr=1e-5")],
    ids=["healthy", "collapsed", "too small and too slow"],
)
def test_prescriptions_of_trained_runs_parse(keys):
    keys = ("steps=120", *keys)
    examined = subjects.examination(*keys)
    for check in numbers(examined):
        typed = parse(check.prescription(examined), parse([*subjects.SMALL, *keys]))
        plan(DIGITS, SETTINGS, typed, "fast")
