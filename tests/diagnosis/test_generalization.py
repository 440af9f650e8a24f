"""What a model knows of data it has not seen: planted answers, and runs that learn sixty images by heart."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
import torch

from diagnosis.subjects import SMALL, examination, untrained
from vaekit.diagnosis import Check, Examination, Sample, Subject
from vaekit.diagnosis.checks.generalization import CHECKS
from vaekit.diagnosis.closeness import closeness
from vaekit.diagnosis.generalization import Generalization, chance_above, generalization, overlap
from vaekit.interfaces.describing.parsing import parse
from vaekit.modalities import Plain
from vaekit.models import evaluating

NAMED = {check.name: check for check in CHECKS}


def check(name: str) -> Check:
    return NAMED[name]


@cache
def by_heart() -> Examination:
    """Return a model that goes on with sixty of its images until it knows them."""
    healthy = examination().subject
    assert healthy.train is not None
    few = Sample(healthy.train.stored[:60])
    with torch.random.fork_rng(), evaluating(healthy.model):
        torch.manual_seed(0)
        assert healthy.description is not None
        model = healthy.description.replace(net={"kind": "mlp", "widths": (128, 128)}, latent=12).build()
        with torch.enable_grad():
            optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
            x = healthy.view.prepare(few.stored)
            for _ in range(250):
                optimizer.zero_grad()
                (-model(x).elbo.mean()).backward()
                optimizer.step()
    return Examination(dataclasses.replace(healthy, model=model.eval(), train=few))


def test_chance_above_knows_the_normal_answer() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(4000) + 1, torch.randn(4000)
    expected = torch.distributions.Normal(0, 1).cdf(torch.tensor(0.5**0.5)).item()  # P(N(1, 2) > 0)
    assert chance_above(x, y) == pytest.approx(expected, abs=0.02)
    assert chance_above(y, y) == pytest.approx(0.5)


def test_advantage_of_equal_parts_is_below_one_half_and_grows_with_the_gap() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(300), torch.randn(200)
    found = [Generalization(x + gap, y) for gap in (0.0, 1.0, 3.0)]
    assert found[0].advantage < 0.5 < found[1].advantage < found[2].advantage <= 1


def test_a_healthy_run_generalizes() -> None:
    found = examination()
    for name in NAMED:
        value = check(name).value(found)
        assert value is not None and not check(name).is_found(value), (name, value)


@pytest.mark.parametrize("name", ["overfitting", "memorized_samples"])
def test_sixty_images_by_heart_are_found(name: str) -> None:
    finding = check(name)(by_heart())
    assert finding is not None and finding.value > finding.threshold
    assert parse([*SMALL, *finding.prescription])


def test_a_prescription_names_keys_of_the_net_only_where_it_has_them() -> None:
    subject = by_heart().subject
    free = Examination(dataclasses.replace(subject, description=None, view=Plain(subject.model)))
    assert not any(key.startswith(("net.", "latent")) for key in check("memorized_samples").prescription(free))
    assert any(key.startswith("net.dropout") for key in check("overfitting").prescription(by_heart()))


def test_leakage_counts_planted_duplicates_exactly() -> None:
    subject = examination().subject
    assert subject.train is not None
    blank = torch.zeros_like(subject.test.stored[:1])
    own, foreign = subject.train.stored, subject.test.stored[:90]
    train = Sample(torch.cat([own, blank]))
    test = Sample(torch.cat([foreign, own[:9], blank]))
    planted = dataclasses.replace(subject, train=train, test=test)
    found = overlap(planted)
    assert found is not None
    assert (found.shared, found.test, found.share) == (10, 100, 0.1)
    assert check("leakage")(Examination(planted)) is not None
    assert overlap(dataclasses.replace(subject, test=Sample(own[:5]))).share == 1  # type: ignore[union-attr]


def without_train(subject: Subject) -> Subject:
    return dataclasses.replace(subject, train=None)


def with_little(subject: Subject) -> Subject:
    assert subject.train is not None
    return dataclasses.replace(subject, test=Sample(subject.test.stored[:3]), train=Sample(subject.train.stored[:5]))


@pytest.mark.parametrize("changed", [without_train, with_little])
def test_nothing_is_said_where_there_is_nothing_to_compare(changed: object) -> None:
    subject = changed(examination().subject)  # type: ignore[operator]
    assert generalization(subject) is None and closeness(subject) is None


@pytest.mark.parametrize("posterior", ["delta", "vmf", "vq", "gumbel", "iaf", "full"])
def test_any_posterior_is_compared(posterior: str) -> None:
    found = Examination(untrained(posterior))
    assert found.generalization is not None and found.closeness is not None
    assert check("overfitting").is_found(check("overfitting").value(found)) is False
