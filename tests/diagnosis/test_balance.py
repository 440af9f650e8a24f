"""Encoder against decoder: exact counts and gradients, and sides that are frozen or scaled away."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import nn

from diagnosis.subjects import examination, untrained
from vaekit.diagnosis import Examination
from vaekit.diagnosis.balance import Balance, balance
from vaekit.diagnosis.checks.balance import CHECKS
from vaekit.models import VAE

PARAMETERS, GRADIENTS = CHECKS


def changed(change: Callable[[VAE], None]) -> Examination:
    """Return a healthy run whose model was changed."""
    subject = examination().subject
    model = copy.deepcopy(subject.model)
    change(model)
    return Examination(dataclasses.replace(subject, model=model))


def freeze_encoder(model: VAE) -> None:
    model.posterior.requires_grad_(False)


def saturate_encoder(model: VAE) -> None:
    linear = next(module for module in model.posterior.modules() if isinstance(module, nn.Linear))
    nn.init.constant_(linear.bias, -1e3)  # silu is flat there
    nn.init.constant_(linear.weight, 0.0)
    for module in model.posterior.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.constant_(module.weight, 1e-6)
            nn.init.constant_(module.bias, -50.0)


def test_ratios_are_symmetric_and_one_where_sides_are_alike() -> None:
    assert Balance(10, 70, 0.1, 0.2).parameters == Balance(70, 10, 0.2, 0.1).parameters == 7
    assert Balance(10, 70, 0.1, 0.2).gradients == Balance(70, 10, 0.2, 0.1).gradients == 0.5
    assert Balance(0, 70, 0.0, 0.2).parameters is None and Balance(0, 70, 0.0, 0.2).gradients is None


def test_a_healthy_run_is_in_balance() -> None:
    found = examination()
    for check in CHECKS:
        value = check.value(found)
        assert value is not None and not check.is_found(value), (check.name, value)


def test_gradients_are_those_of_autograd_and_leave_nothing_behind() -> None:
    subject = examination().subject
    small = dataclasses.replace(subject, train=dataclasses.replace(subject.train, stored=subject.train.stored[:50]))  # type: ignore[union-attr,type-var]
    before = torch.get_rng_state()
    found = balance(small)
    assert found is not None and torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None for p in subject.model.parameters())
    model = copy.deepcopy(subject.model)
    given = small.given(small.train, 50)  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        (-model(*given).elbo.mean()).backward()
    gradient = torch.cat([p.grad.flatten() for p in model.posterior.parameters() if p.grad is not None and p.dim() > 1])
    assert found.encoder_gradient == pytest.approx(gradient.square().mean().sqrt().item(), rel=1e-4)


@pytest.mark.parametrize("change", [freeze_encoder, saturate_encoder])
def test_a_side_without_gradient_is_found(change: Callable[[VAE], None]) -> None:
    finding = GRADIENTS(changed(change))
    assert finding is not None and finding.value < 1e-3


def test_a_tiny_encoder_is_found() -> None:
    def enlarge_decoder(model: VAE) -> None:
        model.likelihood.features.extra = nn.Linear(300, 300)

    finding = PARAMETERS(changed(enlarge_decoder))
    assert finding is not None and finding.value > 5


def test_nothing_is_said_of_a_model_that_is_not_finite() -> None:
    def break_it(model: VAE) -> None:
        with torch.no_grad():
            next(model.likelihood.parameters()).fill_(torch.nan)

    assert balance(changed(break_it).subject) is None


@pytest.mark.parametrize("posterior", ["delta", "vmf", "vq", "gumbel", "iaf", "full"])
def test_any_posterior_has_a_balance(posterior: str) -> None:
    found = Examination(untrained(posterior))
    assert not PARAMETERS.is_found(PARAMETERS.value(found)) and not GRADIENTS.is_found(GRADIENTS.value(found))
