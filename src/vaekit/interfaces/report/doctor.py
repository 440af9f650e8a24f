"""The doctor's part of the report: findings, and charts of the measurements behind them."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from vaekit.interfaces.measures.deep import NO_LATENTS
from vaekit.interfaces.report.doctor_figures import aggregate, calibration, rate_distortion, sharpness_chart
from vaekit.interfaces.report.page import Picture, card, columns, commands, folded, paragraph, section, table

if TYPE_CHECKING:  # the chapters of the diagnosis are slow to import, and a report without them has no need to
    from vaekit.diagnosis import Check, Examination, Finding

__all__ = ["Diagnosis", "charts_of", "examination_section", "findings_section"]

# Words of names that a text writes differently.
_WRITTEN = {"mse": "MSE", "batchnorm": "batch norm"}


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    Args:
        examination: The measurements behind the findings; None if only the findings were saved.
        findings: Worst first.
    """

    examination: Examination | None
    findings: tuple[Finding, ...]

    @cached_property
    def numbers(self) -> Mapping[str, float | None]:
        """The number behind every check, by name; None where it does not apply."""
        from vaekit.diagnosis import values

        return {} if self.examination is None else values(self.examination)


def findings_section(diagnosis: Diagnosis) -> str:
    """Return the findings, worst first, or that there are none; nothing without an examination and without findings."""
    found, examined = diagnosis.findings, diagnosis.examination is not None
    if not examined and not found:
        return ""
    made = sum(number is not None for number in diagnosis.numbers.values())
    severities = Counter(finding.severity for finding in found)
    parts = ", ".join(f"{count} {severity}" for severity, count in severities.items())
    summary = f"{_counted(len(found), 'finding')}: {parts}" if found else "Nothing was found"
    checks = f"; {_counted(made, 'check')} made" if examined else ""
    return section(
        "Findings", paragraph(f"{summary}{checks}."), *(_finding(one, found) for one in found if not one.explained_by)
    )


def charts_of(diagnosis: Diagnosis) -> list[Picture | str]:
    """Return the charts of an examination; a sentence where one does not exist."""
    if diagnosis.examination is None:
        return []
    if not diagnosis.examination.subject.traits.latents:
        return [f"There are no charts: {NO_LATENTS}."]
    return [draw(diagnosis.examination) for draw in (_aggregate, _calibration, _spectra, _rate_distortion)]


def examination_section(diagnosis: Diagnosis, charts: Sequence[Picture | str]) -> str:
    """Return the charts that the findings rest on, and the number of every check; nothing where nothing was examined."""
    from vaekit.diagnosis import doctor

    if diagnosis.examination is None:
        return ""
    rows = [_row(check, diagnosis.numbers.get(check.name)) for check in doctor.CHECKS]
    every = folded("Every check with its number", table(("Check", "Measured", "Number"), rows)) if rows else ""
    pictures = [chart for chart in charts if isinstance(chart, Picture)]
    missing = " ".join(chart for chart in charts if isinstance(chart, str))
    return section("Examination", columns(pictures), paragraph(missing, "soft") if missing else "", every)


def _heading(name: str) -> str:
    """Return a name in snake_case as it would be written in a heading."""
    text = " ".join(_WRITTEN.get(word, word) for word in name.split("_"))
    return text[:1].upper() + text[1:]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sentence(text: str) -> str:
    return text and f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _finding(finding: Finding, found: Sequence[Finding]) -> str:
    effects = [one for one in found if one.explained_by == finding.name]
    remedy, keys = _sentence(finding.remedy), shlex.join(finding.prescription)
    return card(
        finding.severity,
        _heading(finding.name),
        paragraph(_sentence(finding.evidence), "evidence"),
        paragraph(finding.explanation),
        paragraph(f"Source: {finding.source}.", "soft") if finding.source else "",
        paragraph(f"{remedy} Repeat the run with:") + commands(keys) if keys else paragraph(remedy),
        paragraph(_sentence(f"expected: {finding.effect}")) if finding.effect else "",
        *(paragraph(_sentence(f"it explains {_heading(one.name).lower()}: {one.evidence}")) for one in effects),
    )


def _row(check: Check, number: float | None) -> tuple[str, str, str]:
    measured = "does not apply" if number is None else f"{number:.4g}"
    return _heading(check.name), check.measure, f"{measured} (a finding if {check.fires} {check.threshold:.4g})"


def _with_number(picture: Picture, sentence: str) -> Picture:
    """Return a chart whose caption ends with the number that was measured."""
    return replace(picture, caption=f"{picture.caption} {sentence}")


def _aggregate(examination: Examination) -> Picture | str:
    found = examination.aggregate_posterior
    if found is None:
        return "Latents are not compared with the prior: they are no finite vectors, or there are too few data."
    told_apart = (
        f"The probability of telling a draw of q(z) from one of p(z) is {found.accuracy:.2f}; by chance it is 0.5."
    )
    return _with_number(aggregate(found.posterior, found.prior), told_apart)


def _calibration(examination: Examination) -> Picture | str:
    found = examination.calibration
    if examination.subject.traits.tokens:
        return "There is no histogram of ranks: tokens have no order."
    if not found.histogram or found.dispersion is None:
        return "There is no histogram of ranks: the data are binary, so their mean fixes their spread, or nothing can be drawn."
    variance = (
        f"The variance of the ranks is {found.dispersion:.2f} times that of calibrated ranks ({found.count} data)."
    )
    shift = "" if found.shift is None else f" Their means lie {found.shift:.2f} from 1/2."
    return _with_number(calibration(found.histogram, found.errors), f"{variance}{shift}")


def _spectra(examination: Examination) -> Picture | str:
    found = examination.sharpness
    if found is None:
        return "There are no power spectra: the data are not images, or the images are too few or too small."
    return sharpness_chart(found)


def _rate_distortion(examination: Examination) -> Picture | str:
    found = examination.rate_distortion
    if found is None or found.own_rate is None or not math.isfinite(found.own_rate + found.own_distortion):
        return "There is no curve of rate and distortion: the latents are not finite real vectors with a density."
    return rate_distortion(found.rate, found.distortion, (found.own_rate, found.own_distortion))
