"""What the doctor says in the report: findings first, every text from outside escaped, charts of what was measured."""

import re

import pytest
import torch
from PIL import Image

from diagnosis.subjects import run
from vaekit.diagnosis import Check, Examination, Finding, doctor
from vaekit.interfaces.report import doctor_figures, figures, latent_map
from vaekit.interfaces.report.doctor import Diagnosis, charts_of, examination_section, findings_section
from vaekit.interfaces.report.doctor_figures import aggregate, calibration, rate_distortion, spectra
from vaekit.interfaces.report.page import Picture
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.subject import Patient

HOSTILE = '<script>alert(1)</script><img src="http://x.invalid/y"> & "quoted" \u6f22\u5b57'


def finding(name="posterior_collapse", severity="severe", **changes):
    texts = dict.fromkeys(("evidence", "explanation", "source", "remedy", "effect"), "")
    given = {**texts, "prescription": ("objective.beta=1",), "measure": "rate", "value": 0.0, "threshold": 0.1}
    return Finding(name=name, severity=severity, **{**given, **changes})


def check(name, value, threshold=1.0):
    return Check(
        name=name,
        measure=f"the number of {name}",
        value=lambda examination: value,
        fires="above",
        threshold=threshold,
        severity="warning",
        explanation="It is too large.",
        source="",
        remedy="Less of it.",
        prescription=lambda examination: ("latent=3", "net.widths=[32, 32]"),
        effect="It falls.",
    )


@pytest.fixture
def checks(monkeypatch):
    """Three checks: one finds something, one does not, one does not apply."""
    made = (check("first_thing", 2.0), check("second_thing", 0.5), check("third_thing", None))
    monkeypatch.setattr(doctor, "CHECKS", made)
    return made


@pytest.fixture
def blank_charts(monkeypatch):
    for module in (figures, latent_map, doctor_figures):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))


@pytest.fixture
def diagnosis(checks):
    trained = run()
    examination = Examination(Patient(trained, trained.experiment, trained.history).subject())
    return Diagnosis(examination, tuple(doctor.diagnose(examination)))


def test_a_finding_is_told_in_full():
    said = finding(
        severity="warning",
        evidence="the rate: 0.01, less than 0.1",
        explanation="Nothing is encoded.",
        source='Bowman, 2016, "Sentences"',
        remedy="Warm up.",
        effect="The rate rises.",
        prescription=("objective.beta=linear", "net.widths=[64, 64]"),
    )
    html = findings_section(Diagnosis(None, (said,)))
    assert '<article class="card warning"><h3><span class="badge">warning</span>Posterior collapse</h3>' in html
    order = [
        "The rate: 0.01, less than 0.1.",
        "Nothing is encoded.",
        "Bowman",
        "Warm up.",
        "objective.beta=linear",
        "Expected: The rate rises.",
    ]
    places = [html.index(text) for text in order]
    assert places == sorted(places)
    # As it can be pasted into a shell, which would take brackets for a pattern.
    assert "<pre>objective.beta=linear &#x27;net.widths=[64, 64]&#x27;</pre>" in html


def test_headings_are_written_as_in_a_text():
    names = ("mse_as_likelihood", "batchnorm_mismatch", "decoder_ignores_latent")
    html = findings_section(Diagnosis(None, tuple(map(finding, names))))
    headings = re.findall("</span>(.*?)</h3>", html)
    assert headings == ["MSE as likelihood", "Batch norm mismatch", "Decoder ignores latent"]


def test_findings_stay_worst_first_and_are_counted():
    found = (finding("a"), finding("b"), finding("c", "info", prescription=()))
    html = findings_section(Diagnosis(None, found))
    assert "3 findings: 2 severe, 1 info." in html
    assert re.findall(r'badge">(\w+)<', html) == ["severe", "severe", "info"]
    assert html.count("<pre>") == 2


def test_hostile_texts_are_text():
    texts = dict.fromkeys(("evidence", "explanation", "source", "remedy", "effect"), HOSTILE)
    html = findings_section(Diagnosis(None, (finding(HOSTILE, prescription=(f"data.source={HOSTILE}",), **texts),)))
    assert "<script" not in html.lower() and "<img" not in html
    assert html.lower().count("&lt;script&gt;") == 7


def test_nothing_found_says_how_much_was_looked_at(diagnosis):
    healthy = Diagnosis(diagnosis.examination, ())
    assert "Nothing was found; 2 checks made." in findings_section(healthy)
    assert findings_section(Diagnosis(None, ())) == ""


def test_every_check_shows_its_number(diagnosis):
    html = examination_section(diagnosis, ["There is no spectrum."])
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert cells[:4] == ["First thing", "the number of first_thing", "2 (a finding if above 1)", "Second thing"]
    assert cells[8:] == ["does not apply (a finding if above 1)"]
    assert "There is no spectrum." in html
    assert examination_section(Diagnosis(None, ()), []) == ""


def test_the_report_has_findings_first_and_the_examination_later(diagnosis, blank_charts):
    trained = run()
    html = write_report(trained, trained.evaluate(samples=2), diagnosis).read_text()
    headings = re.findall("<h2>(.*?)</h2>", html)
    assert headings[0] == "Findings"
    assert headings.index("Latents") + 1 == headings.index("Examination") == 4
    assert html.index("headline") < html.index("<h2>Findings")
    assert "1 finding: 1 warning; 2 checks made." in html and "latent=3 &#x27;net.widths=[32, 32]&#x27;" in html
    assert "http:" not in html and "https:" not in html
    assert not re.search(r"<(script|link|iframe|object|form|a)\b|url\(|@import|\bon\w+=", html)
    plain = write_report(trained, trained.evaluate(samples=2)).read_text()
    assert "Findings" not in plain and "Examination" not in plain


def test_charts_say_what_healthy_looks_like():
    frequency = torch.linspace(0.05, 0.5, 9)
    curve = torch.linspace(0, 30, 20)
    drawn = (
        aggregate(torch.randn(30, 2), torch.randn(9, 2)),
        calibration([1.0] * 20, [0.1] * 20),
        spectra(frequency, {"data": frequency**-2, "samples": 0 * frequency}),
        rate_distortion(curve, 90 * torch.exp(-curve / 9), (10.0, 60.0)),
    )
    for chart in drawn:
        assert "Healthy:" in chart.caption and chart.image.width == 1080


def test_charts_survive_odd_numbers():
    aggregate(torch.zeros(1, 2), torch.full((2, 2), float("nan")))
    aggregate(torch.randn(30, 1), torch.randn(9, 1))
    calibration([0.0] * 20, [0.0] * 20)
    spectra(torch.ones(1), {"data": torch.zeros(1)})
    rate_distortion(torch.tensor([0.0]), torch.tensor([float("inf")]), (0.0, -3e4))


@pytest.mark.parametrize("point", [(20.0, 80.0), (0.0, 150.0), (5.0, -2000.0), (1e-3, 1e-3)], ids=str)
def test_lines_of_equal_bound_fill_any_window(point, monkeypatch):
    seen = {}

    def look(draw):
        from matplotlib.figure import Figure

        axes = Figure().add_subplot()
        draw(axes)
        seen["lines"], seen["x"], seen["y"] = axes.get_lines(), axes.get_xlim(), axes.get_ylim()
        return Image.new("RGB", (10, 10))

    monkeypatch.setattr(doctor_figures, "chart", look)
    rates = torch.linspace(0, 3 * point[0] + 1, 30)
    rate_distortion(rates, point[1] + 50 * torch.exp(-rates / 10), point)
    assert seen["x"][0] <= point[0] < seen["x"][1] and seen["y"][0] < point[1] < seen["y"][1]
    assert 3 <= sum(line.get_zorder() == 0 for line in seen["lines"]) <= 13


def test_the_ranks_of_a_run_have_errors_over_its_data(diagnosis):
    found = diagnosis.examination.calibration
    assert found.count == len(diagnosis.examination.subject.test) == 156
    assert len(found.errors) == len(found.histogram) == 20 and sum(found.histogram) == pytest.approx(20, rel=1e-4)
    assert all(0 < error < 0.3 for error in found.errors)


def test_every_chart_or_a_sentence_why_there_is_none(diagnosis):
    for chart in charts_of(diagnosis):
        assert isinstance(chart, Picture) or chart.endswith(".")
