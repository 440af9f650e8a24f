"""What is measured of images alone: reconstructions and samples as pictures."""

from __future__ import annotations

from typing import Any

from vaekit.errors import NotApplicable
from vaekit.evaluation import fidelity
from vaekit.interfaces.describing.words import number
from vaekit.interfaces.measures.measure import Look, Measure, Summary, estimate

__all__ = ["MEASURES"]

_SHOWN = 2_000  # images that are compared with reconstructions or samples


def _fidelity(look: Look) -> dict[str, Any]:
    return fidelity(*look.trained.displayed.reconstruct(look.some(_SHOWN))).summary()


def _fidelity_lines(found: Summary) -> list[str]:
    ratio, ssim, scaled = f"PSNR {estimate(found['psnr'], 2)} dB", found["ssim"], found["ms_ssim"]
    similar = [] if ssim is None else [f"SSIM {estimate(ssim, 4)} (window {ssim['window']})"]
    similar += [] if scaled is None else [f"MS-SSIM {estimate(scaled, 4)} ({scaled['scales']} scales)"]
    return [f"{', '.join([ratio, *similar])}; n = {found['n']}", *([found["why"]] if found["why"] else [])]


def _samples(look: Look) -> dict[str, Any]:
    if len(look.given(1)[0].shape) != 4:
        raise NotApplicable("samples are compared as images (C, H, W), and these data are not images")
    shown = look.some(_SHOWN)
    return look.trained.quality(len(shown), source=shown).summary()


def _sample_lines(found: Summary) -> list[str]:
    shares = ", ".join(f"{name} {number(found[name], 3)}" for name in ("precision", "recall", "density", "coverage"))
    frechet = found["frechet"]
    return [
        f"{shares}; k = {found['k']}, {found['generated']} against {found['real']} data",
        f"{frechet['name']}: {number(frechet['value'], 4)}",
    ]


MEASURES = (Measure("fidelity", _fidelity, _fidelity_lines), Measure("samples", _samples, _sample_lines))
"""The measures of images, in their order."""
