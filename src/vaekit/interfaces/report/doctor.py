"""What the doctor says, on the page: the findings, and the pictures that they rest on."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from vaekit.interfaces.measures.deep import NO_LATENTS
from vaekit.interfaces.report.doctor_figures import aggregate, calibration, rate_distortion, spectra
from vaekit.interfaces.report.page import Picture, card, columns, commands, folded, paragraph, section, table

if TYPE_CHECKING:  # the chapters of the diagnosis are slow to import, and a report without them has no need to
    from vaekit.diagnosis import Check, Examination, Finding

__all__ = ["Diagnosis", "charts_of", "examination_section", "findings_section"]

_WRITTEN = {"mse": "MSE", "batchnorm": "batch norm"}
"""Words of names that are written otherwise in a text."""


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    Args:
        examination: What the findings rest on; None where it is no longer at hand.
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
    """Return the findings, worst first, or that there are none; nothing where nobody looked and nothing showed."""
    found = diagnosis.findings
    if diagnosis.examination is None and not found:
        return ""
    made = sum(number is not None for number in diagnosis.numbers.values())
    checks = f"; {_counted(made, 'check')} made" if diagnosis.examination is not None else ""
    counts = Counter(finding.severity for finding in found)
    parts = ", ".join(f"{count} {severity}" for severity, count in counts.items())
    said = f"{_counted(len(found), 'finding')}: {parts}" if found else "Nothing was found"
    return section("Findings", paragraph(f"{said}{checks}."), *map(_finding, found))


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
    head = ("Check", "Measured", "Number")
    rows = [_row(check, diagnosis.numbers.get(check.name)) for check in doctor.CHECKS]
    every = folded("Every check with its number", table(head, rows)) if rows else ""
    pictures = [chart for chart in charts if isinstance(chart, Picture)]
    missing = " ".join(chart for chart in charts if isinstance(chart, str))
    return section("Examination", columns(pictures), paragraph(missing, "soft") if missing else "", every)


def _spoken(name: str) -> str:
    """Return a name in snake_case as it would be written in a heading."""
    said = " ".join(_WRITTEN.get(word, word) for word in name.split("_"))
    return said[:1].upper() + said[1:]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _sentence(text: str) -> str:
    return text and f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _finding(finding: Finding) -> str:
    source = paragraph(f"Source: {finding.source}.", "soft") if finding.source else ""
    keys = commands(shlex.join(finding.prescription)) if finding.prescription else ""
    remedy = _sentence(finding.remedy)
    said = f"{remedy} Repeat the run with:" if keys else remedy
    return card(
        finding.severity,
        _spoken(finding.name),
        paragraph(_sentence(finding.evidence), "evidence"),
        paragraph(finding.explanation),
        source,
        paragraph(said) + keys,
        paragraph(_sentence(f"expected: {finding.effect}")) if finding.effect else "",
    )


def _row(check: Check, number: float | None) -> tuple[str, str, str]:
    shown = "does not apply" if number is None else f"{number:.4g}"
    return _spoken(check.name), check.measure, f"{shown} (found {check.fires} {check.threshold:.4g})"


def _aggregate(examination: Examination) -> Picture | str:
    found = examination.aggregate_posterior
    if found is None:
        return "Latents are not compared with the prior: they are no finite vectors, or there are too few data."
    said = f"A draw from q(z) is told from one of p(z) with probability {found.accuracy:.2f}; 0.5 is not at all."
    return aggregate(found.posterior, found.prior, said)


def _calibration(examination: Examination) -> Picture | str:
    found = examination.calibration
    if examination.subject.traits.tokens:
        return "There is no histogram of ranks: of two tokens, none is the larger one."
    if not found.histogram or found.dispersion is None:
        return "There is no histogram of ranks: the spread of binary data follows from their mean, or nothing can be drawn."
    said = f"Their variance is {found.dispersion:.2f} times that of calibrated ranks ({found.count} data)."
    return calibration(found.histogram, found.errors, said)


def _spectra(examination: Examination) -> Picture | str:
    found = examination.sharpness
    if found is None:
        return "There are no power spectra: the data are no images that one could take them of."
    power = {"data": found.data, "reconstructions": found.reconstructions, "samples": found.samples}
    power["what agrees with the data"] = found.agreeing
    said = f"Dashed: what reconstructions agree with, {found.agreement:.0%} of the power of {found.count} images."
    return spectra(found.frequency, power, said)


def _rate_distortion(examination: Examination) -> Picture | str:
    found = examination.rate_distortion
    if found is None or found.own_rate is None or not math.isfinite(found.own_rate + found.own_distortion):
        return "There is no curve of rate and distortion: the latents are no finite real vectors with a density."
    return rate_distortion(found.rate, found.distortion, (found.own_rate, found.own_distortion))
