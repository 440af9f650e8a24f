"""The report of a run of texts: words instead of pictures, both perplexities, and nothing from outside that is not escaped."""

import csv
import re
from html import escape, unescape

import pytest
import torch
from PIL import Image

import vaekit
from vaekit.diagnosis import Examination
from vaekit.evaluation import perplexity
from vaekit.interfaces.measures.deep import NO_LATENTS
from vaekit.interfaces.media.texts import exhibits as texts
from vaekit.interfaces.report import doctor_figures, figures, latent_map
from vaekit.interfaces.report.doctor import Diagnosis, charts_of
from vaekit.interfaces.report.page import verbatim
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.report.walks import interpolated, partners, traversed
from vaekit.interfaces.runs.fitting import fit
from vaekit.interfaces.runs.subject import Patient

from .conftest import vaekit as command

TINY = ("net=lstm", "net.hidden=16", "net.embedding=8", "steps=30", "device=cpu", "precision=fp32", "threads=1")
HOSTILE = "<script>alert(1)</script> & \"quoted\" 'and'"
SPACED = "two  spaces\u202e\u05d1\u05d5"


@pytest.fixture(autouse=True)
def blank_charts(monkeypatch):
    """Charts cost most of the time and know nothing of texts."""
    for module in (figures, latent_map, doctor_figures):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))


@pytest.fixture(scope="module")
def run(make_run):
    return vaekit.load(make_run("names-demo", "latent=6", base=TINY))


@pytest.fixture(scope="module")
def language_model(make_run):
    return vaekit.load(make_run("names-demo", "model=lm", base=TINY))


@pytest.fixture(scope="module")
def labelled(make_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "mail.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "kind"])
        for i in range(120):
            rows.writerow([f"{HOSTILE} {i}" if i % 2 else f"{SPACED} {i}", "<b>bad</b>" if i % 2 else "good"])
    keys = ("tokenizer=char", "label_column=kind", "condition=label", "latent=3", "length=60")
    return vaekit.load(make_run(path, *keys, base=TINY))


def subject_of(run):
    return Patient(run, run.experiment, run.history).subject()


def page(run, count=None):
    return write_report(run, run.evaluate(samples=3, count=count)).read_text()


def exhibit(html, title):
    """Return the head and the rows of the table of an exhibit."""
    found = re.search(f'<h3>{title}</h3><div class="scroll"><table class=verbatim>(.*?)</table>', html, re.DOTALL)
    head, body = found[1].split("<tbody>")
    cells = [re.findall(r"<td dir=auto[^>]*>(.*?)</td>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return re.findall("<th>(.*?)</th>", head), [[unescape(cell) for cell in row] for row in cells]


def text_of(html):
    return unescape(re.sub(r"<[^>]*>", " ", html.split("<body>")[1]))


def test_both_perplexities_stand_beside_their_bounds(run):
    result = run.evaluate(samples=3)
    said = text_of(write_report(run, result).read_text())
    for values in (result.elbo, result.iw):
        found = perplexity(-values.double(), result.sizes)
        assert f"bits/token, perplexity {found.value:,.2f} ± {found.se:.2f}" in said
    assert "IW-3 (test, 122 texts)" in said
    assert "bits/dim" not in said
    assert "image" not in said.split("Layers")[0]
    assert "1,195 texts hold" in said  # what is known of the corpus


def test_every_exhibit_shows_what_the_run_makes(run):
    html = page(run)
    _, samples = exhibit(html, "Samples from the prior")
    assert [row[0] for row in samples] == [text or "(empty)" for text in run.sample(16)]
    given, again = run.reconstruct(None, 16)
    _, rows = exhibit(html, "Texts beside reconstructions")
    assert [row[:2] for row in rows] == [[a, b or "(empty)"] for a, b in zip(given, again, strict=True)]
    assert [row[2] for row in rows] == ["yes" if a == b else "no" for a, b in zip(given, again, strict=True)]
    head, rows = exhibit(html, "Interpolations")
    assert (head, [row[0] for row in rows]) == (
        ["Share", "Pair 1", "Pair 2", "Pair 3"],
        ["text", "0", "1/6", "1/3", "1/2", "2/3", "5/6", "1", "text"],
    )
    assert {rows[0][1], rows[-1][1]} <= set(given)
    head, rows = exhibit(html, "Latent traversal")
    assert head == ["Dimension", "-3", "-1.5", "0", "1.5", "3"]
    assert len(rows) == 5
    assert all(re.fullmatch(r"z\d \(\d+\.\d\d nats\)", row[0]) for row in rows)


def test_the_ends_of_an_interpolation_are_the_reconstructions(run):
    result = run.evaluate(samples=2)
    walks = interpolated(run, result.means, None, 3, 7)
    again = dict(zip(*run.reconstruct(None, 10), strict=True))
    assert [again[text] for text in walks.first] == walks.between[::7]
    assert [again[text] for text in walks.last] == walks.between[6::7]
    shown, names = traversed(run, result, 2, 4)
    assert (len(shown), len(names)) == (8, 2)


def test_partners_differ_in_class_where_they_can():
    assert partners(5, torch.tensor([0, 0, 0, 1, 1]), 2) == [(0, 3), (1, 4)]
    assert partners(1, None, 3) == []


def test_no_picture_of_images_is_written_or_asked_for(run, monkeypatch):
    monkeypatch.setattr(
        "vaekit.interfaces.media.images.galleries.shows_images", lambda run: pytest.fail("asked of texts")
    )
    html = page(run)
    assert {path.stem for path in run.folder.plots.glob("*.png")} == {
        "curve-elbo", "curve-distortion", "curve-rate", "curve-lr", "rates", "latent-map",
    }  # fmt: skip
    assert "no images" not in html
    assert "KL per latent dimension" in html


def test_what_next_can_be_typed(run, language_model):
    said = text_of(page(run)).split("What next")[1]
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("vaekit ")]
    for verb in ("-n 10", "--decode top_p=0.9", "reconstruct", "'a text' 'another text'", "score", "traverse"):
        assert any(verb in line for line in lines), verb
    assert command("sample", run.path, "-n", 2, "--decode", "top_p=0.9").code == 0
    assert command("interpolate", run.path, "ann", "eve", "--steps", 3).code == 0
    said = text_of(page(language_model)).split("What next")[1]
    assert "vaekit sample" in said
    assert not any(verb in said for verb in ("reconstruct", "interpolate", "traverse", "encode"))


def test_a_language_model_has_nothing_that_reads_latents(language_model):
    html = page(language_model)
    said = text_of(html)
    assert not language_model.view.traits.latents
    assert "Language model of names-demo" in said
    assert "Log-likelihood (test, 122 texts)" in said
    assert NO_LATENTS.capitalize() in said
    assert len(exhibit(html, "Samples")[1]) == 16
    assert not any(
        f"<h3>{name}" in html for name in ("Texts beside", "Interpolations", "Latent trav", "KL per", "Rate")
    )


def test_texts_from_outside_are_escaped_and_stay_as_they_are(labelled):
    html = page(labelled)
    assert "<script>" not in html.replace("</style>", "") and "<b>bad" not in html
    assert not re.search(r"<(script|link|iframe|object|form|a)\b|@import|\bon\w+=", html)
    _, rows = exhibit(html, "Texts beside reconstructions")
    assert any(row[0].startswith(HOSTILE) for row in rows)
    assert any("two  spaces" in row[0] for row in rows)
    assert escape(HOSTILE) in html


def test_a_row_of_samples_per_label(labelled):
    head, rows = exhibit(page(labelled), "Samples from the prior")
    assert [row[0] for row in rows] == list(labelled.conditions.names)
    assert len(head) == len(rows[0]) == 5
    said = text_of(page(labelled)).split("What next")[1]
    assert "--label" in said
    assert "interpolate" in said and "'a text'" not in said


def test_a_decoder_that_does_not_ask_z_is_told(run, monkeypatch):
    monkeypatch.setattr(type(run), "reconstruct", lambda self, source, count: (["a", "b"], ["c", "c"]))
    html = page(run)
    assert "The decoder ignores the latents" in html
    assert "recipe=aggressive" in html and "recipe=free_bits" not in html  # which is what the run was trained by
    monkeypatch.setattr(type(run), "reconstruct", lambda self, source, count: (["a", "b"], ["a", "c"]))
    html = page(run)
    assert "The decoder ignores the latents" not in html
    assert "1 of 2 are exact" in html


def test_layers_of_a_decoder_that_computes_late_have_their_shapes(run):
    said = text_of(page(run)).split("Decoder, layer by layer")[1]
    assert re.search(r"net\.cells: LSTM 14 -> 16, 1 deep\s+\d+ x 16", said)
    assert re.search(r"net\.embedding: Embedding 30 -> 8\s+\d+ x 8", said)


def test_texts_that_are_gone(tmp_path):
    given = [f"text {i}" for i in range(60)]
    training = vaekit.Training(steps=2, threads=1, precision="fp32", device="cpu")
    own = fit(given, training=training, out=tmp_path / "run", preset="fast")
    result = own.evaluate(samples=2)
    html = write_report(vaekit.load(own.path), result).read_text()
    assert "not available" in html
    assert "a list of texts" in text_of(html)
    assert "Samples from the prior" in html and "Latent traversal" in html
    assert "Texts beside" not in html and "Interpolations" not in html


def test_charts_of_an_examination_of_texts(run, language_model):
    examination = Examination(subject_of(run))
    examination.rate_distortion = None
    first, ranks, spectra, curve = charts_of(Diagnosis(examination, ()))
    assert first.name == "aggregate"
    assert "no histogram of ranks" in ranks and "token" in ranks
    assert "no power spectra" in spectra and "no curve" in curve
    (said,) = charts_of(Diagnosis(Examination(subject_of(language_model)), ()))
    assert NO_LATENTS in said


def test_odd_texts_keep_their_place():
    assert texts._shortened("  ") == "(empty)"
    assert len(texts._shortened("x" * 1000)) == 304
    assert verbatim(("a",), [["1\n 2"]]).count("<td dir=auto>1\n 2</td>") == 1
