"""What `evaluate --deep` prints: a line for each measure, with its errors and caps, or with why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vaekit.interfaces.cli.output import number
from vaekit.interfaces.deep import PARTS, TEXT_PARTS

__all__ = ["deep_lines"]

Summary = Mapping[str, Any]


def deep_lines(deep: Summary) -> list[str]:
    """Return what `vaekit.interfaces.deep.deep` found, a line or two for each part."""
    return [line for name, tell in _TOLD.items() if name in deep for line in _part(name, tell, deep)]


def _part(name: str, tell: Callable[[Summary], list[str]], deep: Summary) -> list[str]:
    found = deep[name]
    told = [f"none: {deep['why'][name]}"] if found is None else tell(found)
    return [f"{name if i == 0 else '':<16}{line}" for i, line in enumerate(told)]


def _information(found: Summary) -> list[str]:
    mutual = found["mutual_information"]
    limit = f"cap log N = {number(mutual['cap'])}" + (", at it: a lower bound" if mutual["at_cap"] else "")
    parts = {
        "marginal KL": "marginal_kl",
        "total correlation": "total_correlation",
        "KL by dimension": "dimension_wise_kl",
    }
    rest = [f"{title} {_nats(found[key])}" for title, key in parts.items() if found[key] is not None]
    return [
        f"I(x; z) {_nats(mutual)} nats ({limit}); n = {found['n']}",
        *_in_batches(found),
        *(["; ".join(rest) + " nats"] if rest else []),
        *([found["why"]] if found["why"] else []),
    ]


def _in_batches(found: Summary) -> list[str]:
    """Return the mutual information against small mixtures, which is there for texts alone."""
    batch = found.get("in_batches")
    if batch is None:
        return []
    size = batch["mixture"]
    return [
        f"{_nats(batch)} nats in batches of {size}, as papers on texts report it (cap log {size} = {number(batch['cap'])})"
    ]


def _annealed(found: Summary) -> list[str]:
    above, dimension = found["above_iw"], found.get("dimension", "dim")
    return [
        f"{_nats(found)} nats, {number(found['bits_per_dim'], 4)} bits/{dimension}, from {found['count']} chains of "
        f"{found['temperatures']} temperatures; n = {found['n']} (a lower bound on log p(x))",
        f"{_nats(above)} above IW-{above['samples']}; acceptance {number(found['acceptance'])}",
    ]


def _amortization(found: Summary) -> list[str]:
    gaps = f"amortization gap {_nats(found['amortization_gap'])}, approximation gap {_nats(found['approximation_gap'])}"
    return [f"{gaps} nats; n = {found['n']}"]


def _probes(found: Summary) -> list[str]:
    return [
        f"linear {_percent(found['linear'])}, {found['k']} neighbors {_percent(found['knn'])}, most frequent class "
        f"{number(100 * found['base_rate'], 1)} %; {found['train']} train, {found['test']} test"
    ]


def _disentanglement(found: Summary) -> list[str]:
    scores = {
        "MIG": "mig",
        "SAP": "sap",
        "FactorVAE": "factor_vae",
        "DCI disentanglement": "disentanglement",
        "completeness": "completeness",
        "informativeness": "informativeness",
    }
    told = ", ".join(f"{title} {number(found[key], 3)}" for title, key in scores.items())
    return [f"{told}; n = {found['n']}", f"factors: {', '.join(found['factors'])}"]


def _fidelity(found: Summary) -> list[str]:
    told = [f"PSNR {_estimate(found['psnr'], 2)} dB"]
    if found["ssim"] is not None:
        told.append(f"SSIM {_estimate(found['ssim'], 4)} (window {found['ssim']['window']})")
    if found["ms_ssim"] is not None:
        told.append(f"MS-SSIM {_estimate(found['ms_ssim'], 4)} ({found['ms_ssim']['scales']} scales)")
    return [f"{', '.join(told)}; n = {found['n']}", *([found["why"]] if found["why"] else [])]


def _samples(found: Summary) -> list[str]:
    shares = ", ".join(f"{name} {number(found[name], 3)}" for name in ("precision", "recall", "density", "coverage"))
    frechet = found["frechet"]
    return [
        f"{shares}; k = {found['k']}, {found['generated']} against {found['real']} data",
        f"{frechet['name']}: {number(frechet['value'], 4)}",
    ]


def _overlap(found: Summary) -> list[str]:
    shares = (
        f"{number(100 * found['token_accuracy'], 1)} % of tokens, {number(100 * found['exact_match'], 1)} % of texts"
    )
    return [f"greedy reconstructions: BLEU-4 {number(found['bleu'], 3)}, {shares} come back; n = {found['n']}"]


def _text_samples(found: Summary) -> list[str]:
    return [
        *(f"{name:<10}{_text_measures(found[key])}" for name, key in (("samples", "generated"), ("held-out", "real"))),
        f"{found['order']}-grams of {found['train']} training texts; n = {found['n']} (samples should measure like held-out texts)",
    ]


def _text_measures(found: Summary) -> str:
    shares = {"self-BLEU": "self_bleu", "distinct-1": "distinct_1", "distinct-2": "distinct_2"}
    told = ", ".join(f"{title} {number(found[key], 3)}" for title, key in shares.items())
    forward, reverse = (number(found[f"{way}_perplexity"]["value"], 1) for way in ("forward", "reverse"))
    return f"perplexity {forward} forward, {reverse} reverse, {told}, copies {number(100 * found['copies'], 1)} %"


# In the order in which the parts are measured.
_TELLERS = (_information, _annealed, _amortization, _probes, _disentanglement, _fidelity, _samples)
_TOLD = dict(zip((*PARTS, *TEXT_PARTS), (*_TELLERS, _overlap, _text_samples), strict=True))


def _nats(found: Summary) -> str:
    return f"{number(found['nats'])} +- {number(found['se'])}"


def _percent(found: Summary) -> str:
    return f"{number(100 * found['value'], 1)} +- {number(100 * found['se'], 1)} %"


def _estimate(found: Summary, digits: int) -> str:
    return f"{number(found['mean'], digits)} +- {number(found['se'], digits)}"
