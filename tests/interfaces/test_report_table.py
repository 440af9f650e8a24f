"""The report of a run of tables: rows, columns one by one, walks, and nothing from outside that is not escaped."""

import csv
import re
import shlex
import time
from html import escape, unescape

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import vaekit
from vaekit.evaluation import cell_likelihoods
from vaekit.interfaces.media.tables import exhibits as tables, marginals
from vaekit.interfaces.media.tables.files import plain_rows
from vaekit.interfaces.media.tables.quality import table_quality_of
from vaekit.interfaces.report import figures, latent_map
from vaekit.interfaces.report.report import write_report
from vaekit.interfaces.runs.fitting import fit
from vaekit.training.budget import Deadline

from .conftest import vaekit as command

HOSTILE = "<script>alert(1)</script> & $x_1$"
QUICK = vaekit.Training(steps=3, device="cpu", precision="fp32", threads=1)


@pytest.fixture(autouse=True)
def blank_charts(monkeypatch):
    """Charts and the quality of rows cost most of the time; `test_marginals` has the charts of tables."""
    for module in (figures, latent_map):
        monkeypatch.setattr(module, "chart", lambda draw: Image.new("RGB", (10, 10)))
    monkeypatch.setattr(marginals, "panels", lambda draws: Image.new("RGB", (10, 10)))
    monkeypatch.setattr(tables, "_MADE", 60)
    monkeypatch.setattr(tables, "_COMPARABLE", 0)


@pytest.fixture(scope="module")
def odd_run(make_run, tmp_path_factory):
    """A run of a table of every kind of column, with names and words that a page must not take for its own."""
    path = tmp_path_factory.mktemp("data") / "odd.csv"
    rng = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", HOSTILE, "größe", "day", "gain", "same", "out"])
        for i in range(240):
            word = "<b>bad</b>" if rng.random() < 0.4 else "good"
            size = "" if rng.random() < 0.2 else f"{rng.normal():.3f}"
            gain = 0 if rng.random() < 0.7 else f"{rng.exponential(100):.2f}"
            rows.writerow([f"c{i:04d}", word, size, f"2020-0{i % 9 + 1}-{i % 28 + 1:02d}", gain, "x", i % 7])
    schema = path.with_name("schema.yaml")
    schema.write_text(f"columns:\n  - {{name: out, use: drop}}\ntarget: {HOSTILE!r}\n")
    keys = ("second_stage=none", f"schema_file={schema}", "net.widths=[8]", "latent=2", "steps=5", "threads=1")
    return vaekit.load(make_run(path, base=(*keys, "device=cpu")))


def page(run, count=None):
    return write_report(run, run.evaluate(samples=3, count=count)).read_text()


def exhibit(html, title):
    """Return the head and the rows of the table of an exhibit."""
    found = re.search(f'<h3>{title}</h3><div class="scroll"><table[^>]*>(.*?)</table>', html, re.DOTALL)
    head, body = found[1].split("<tbody>")
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return [unescape(name) for name in re.findall("<th(?: [^>]*)?>(.*?)</th>", head)], [
        [unescape(cell) for cell in row] for row in cells
    ]


def text_of(html):
    return unescape(re.sub(r"<[^>]*>", " ", html.split("<body>")[1]))


def shown(rows):
    return [list(row) for row in tables._cells(rows)]


def test_synthetic_rows_are_those_of_sample(table_run):
    head, rows = exhibit(page(table_run), "Synthetic rows")
    assert head == list(table_run.schema.names)
    assert rows == shown(table_run.sample(60).slice(0, 12))
    assert rows[0][-1] in ("benign", "malignant")


def test_held_out_rows_stand_above_their_reconstructions(table_run):
    head, rows = exhibit(page(table_run), "Held-out rows and their reconstructions")
    data, places = table_run.open()
    assert head[0] == ""
    assert [row[0] for row in rows] == ["held out", "reconstructed"] * 6
    assert [row[1:] for row in rows[::2]] == shown(data.table.take(places[:6].numpy()))
    assert [row[1:] for row in rows[1::2]] == shown(table_run.reconstruct(None, 6)[1])


def test_the_ends_of_the_walk_are_two_rows_of_different_classes_and_what_comes_back_of_them(table_run):
    _, rows = exhibit(page(table_run), "Interpolation")
    assert [row[0] for row in rows] == ["a row", "0", "1/6", "1/3", "1/2", "2/3", "5/6", "1", "another"]
    assert {rows[0][-1], rows[-1][-1]} == {"benign", "malignant"}
    data, places = table_run.open()
    held_out, again = shown(data.table.take(places.numpy())), shown(table_run.reconstruct()[1])
    for row, back in ((rows[0], rows[1]), (rows[-1], rows[-2])):
        assert again[held_out.index(row[1:])] == back[1:]


def test_every_column_has_its_kind_its_reason_and_its_numbers(table_run):
    head, rows = exhibit(page(table_run), "Columns")
    assert head == ["Column", "Kind", "Codec", "Missing", "Why", "Shape", "log p(x | z)", "Gain from z"]
    schema = table_run.schema
    assert [row[:3] for row in rows] == [[c.name, c.kind, c.codec_name] for c in schema.columns]
    assert [row[4] for row in rows] == [column.reason for column in schema.columns]
    assert all(0 < float(row[5]) <= 1 for row in rows)


def test_the_log_likelihoods_of_columns_sum_to_the_distortion_in_the_units_of_the_table(table_run):
    _, rows = exhibit(page(table_run), "Columns")
    distortion = table_run.evaluate(samples=100).distortion.mean().item()
    assert sum(float(row[6].replace(",", "")) for row in rows) == pytest.approx(-distortion, abs=0.3)
    x = table_run.inputs()
    gain = cell_likelihoods(table_run.model, x).gain
    assert [float(row[7]) for row in rows] == pytest.approx(gain.tolist(), abs=0.006)
    worst = table_run.schema.columns[int(gain.argmin())].name
    assert f"Hardest for the model: {worst} (" in text_of(page(table_run))


def test_the_picture_of_columns_is_a_file_and_on_the_page(table_run):
    html = page(table_run)
    assert (table_run.folder.plots / "columns.png").is_file()
    assert "Columns, real and synthetic" in html
    assert "24 least similar of 31 columns" in text_of(html)
    assert "no images" not in html


def test_what_next_can_be_typed(table_run, odd_run, tmp_path):
    said = text_of(page(table_run)).split("What next")[1]
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("vaekit ")]
    for part in ("-n 1000 --out rows.csv", "--given target=", "impute", "score", "encode", "traverse", "evaluate"):
        assert any(part in line for line in lines), part
    given = next(line for line in lines if "--given" in line).split()
    assert command("sample", table_run.path, *given[given.index("-n") :], "--out", tmp_path / "rows.csv").code == 0
    assert f"--given {HOSTILE!r}=".replace("'=", "=") in text_of(page(odd_run))


def test_words_from_outside_are_escaped(odd_run):
    html = page(odd_run)
    assert "<script>" not in html.split("</style>")[1] and "<b>bad" not in html
    assert escape(HOSTILE) in html
    head, rows = exhibit(html, "Synthetic rows")
    assert head == ["id", HOSTILE, "größe", "day", "gain", "same"]
    assert {row[1] for row in rows} <= {"<b>bad</b>", "good"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row[3]) for row in rows)  # a day, without its midnight


def test_columns_without_a_variable_have_no_numbers_and_what_was_left_out_is_told(odd_run):
    html = page(odd_run)
    _, rows = exhibit(html, "Columns")
    by_name = {row[0]: row for row in rows}
    assert by_name["id"][5:] == by_name["same"][5:] == ["-", "-", "-"]
    assert re.fullmatch(r"\d+\.\d%", by_name["größe"][3])
    assert by_name["gain"][1] == "spiked" and "-" not in by_name["gain"][5:]
    assert "Left out, as declared: out." in text_of(html)
    head, _ = exhibit(html, "Interpolation")
    assert head == ["", HOSTILE, "größe", "day", "gain"]


def test_a_missing_cell_is_empty_and_comes_back_filled(odd_run):
    data, places = odd_run.open()
    held_out = plain_rows(data.table.take(places.numpy()))
    _, rows = exhibit(page(odd_run), "Held-out rows and their reconstructions")
    for row, real in zip(rows[::2], held_out, strict=False):
        assert (row[2] == "") == (real["größe"] is None)


def test_the_report_of_synthesis_has_the_quality_of_its_rows(table_run, odd_run, monkeypatch):
    assert "vaekit evaluate does" in text_of(page(table_run))
    monkeypatch.setattr(tables, "_COMPARABLE", 60)
    head, rows = exhibit(page(table_run), "Quality of synthetic rows")
    assert head == ["", "best", "model", "floor", "ceiling"]
    expected = table_quality_of(table_run, most=tables._COMPARED).compared()
    assert rows == [[name, best, *figures] for name, *figures, best in expected]
    assert {"column shapes", "detection, trees", "copies of training"} <= {row[0] for row in rows}
    monkeypatch.setattr(tables, "table_quality_of", lambda *_, **__: sklearn_refuses())
    assert "Not measured: too odd." in text_of(page(odd_run))


def test_quality_is_not_measured_where_time_is_short(odd_run, monkeypatch):
    monkeypatch.setattr(tables, "table_quality_of", lambda *_, **__: sklearn_refuses())
    late = Deadline(time.perf_counter() + 1000)
    monkeypatch.setattr(tables, "_COMPARING", 2000.0)
    monkeypatch.setattr(tables, "_COMPARABLE", 60)
    shown = text_of(write_report(odd_run, odd_run.evaluate(samples=3), deadline=late).read_text())
    assert (
        f"Not measured: the time limit leaves no time for it; vaekit report {shlex.quote(str(odd_run.path))} measures it."
        in shown
    )


def sklearn_refuses():
    raise ValueError("too odd")


def test_a_table_in_memory_is_told_to_be_gone(tmp_path):
    rng = np.random.default_rng(0)
    frame = pa.table({"a": rng.normal(size=90), "b": ["x", "y", "z"] * 30})
    run = fit(frame, training=QUICK.replace(second_stage="none"), out=tmp_path / "run", preset="fast")
    html = write_report(vaekit.load(run.path), run.evaluate(samples=2)).read_text()
    assert "not available" in html and "a table in memory" in text_of(html)
    assert len(exhibit(html, "Synthetic rows")[1]) == 12
    assert exhibit(html, "Columns")[0] == ["Column", "Kind", "Codec", "Missing", "Why"]
    assert "Interpolation" not in html and "Columns, real and synthetic" not in html


def test_a_wide_table_is_cut(table_run, monkeypatch):
    monkeypatch.setattr(tables, "_WIDE", 5)
    html = page(table_run)
    assert len(exhibit(html, "Synthetic rows")[0]) == 5
    assert len(exhibit(html, "Interpolation")[0]) == 6
    assert "The first 5 of 31 columns are shown." in text_of(html)


def test_odd_cells():
    assert tables._cell(None) == ""
    assert tables._cell(1234567.891) == "1.23457e+06"
    assert tables._cell("2020-01-02T00:00:00") == "2020-01-02"
    assert len(tables._cell("x" * 100)) == 64
