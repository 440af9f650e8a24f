"""Figures of record: whatever README and the guides say was measured stands in a file of `benchmarks/results`.

A comment above a table, a paragraph or a list says where its numbers come from:

    <!-- figures: text: captions-lm; captions-vae; captions-default; given: 8.52 -->

names `results/text.md` and the beginnings of its rows, one for each row of the table, or one for all of them. `+` joins
the rows that one quoted row, or a paragraph, is made of. `Adult > vaekit` is a row under the heading that begins with
Adult, `*` the row that begins as the quoted one does. `given:` lists numbers that were not measured, such as goals.
`<!-- no figures: why -->` stands above a block whose numbers look like measurements and are none.
"""

import re
from pathlib import Path

import pytest
from benchmarks.__main__ import SCRIPTS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w.]*\d)(?: ?%)?")
MEASURED = re.compile(
    r"(?<![\d.])(?:[1-9][\d,]*\.\d\d|0\.\d{3}|\d\d[\d,]*\.\d)|\d (?:nats|bits per|bits/dim|images/s|rows/s|tokens/s)\b"
)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
CLOCK = re.compile(r"\b\d\d:\d\d\b")
CODE = re.compile(r"`[^`]*`|\$[^$\n]*\$|\]\([^)]*\)|https?:\S+")
MARK = re.compile(r"<!--\s*(no )?figures:\s*(.*?)\s*-->", re.S)


def blocks(text):
    """Return (mark, block) of each block of a page: a table, a paragraph, a list; without code and formulas."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", "", text, flags=re.S)
    mark = None
    for part in re.split(r"\n\s*\n", text):
        mark = MARK.search(part) or mark
        if shown := re.sub(r"<!--.*?-->", "", part, flags=re.S).strip():
            yield mark, shown
            mark = None


def cells(line):
    return [re.sub(r"[`*]", "", cell).strip() for cell in line.strip().strip("|").split("|")]


def quoted_rows(block):
    """Return the rows of a quoted table, or one that is the whole paragraph."""
    lines = block.splitlines()
    if not lines[0].startswith("|"):
        return [block]
    return [line for line in lines[2:] if line.startswith("|")]


def source(name):
    """Return (heading, row) of each table of a result, and its last line: date, machine and settings."""
    heading, rows = "", []
    lines = (RESULTS / f"{name}.md").read_text(encoding="utf-8").strip().splitlines()
    for line in lines:
        heading = line.lstrip("# ") if line.startswith("#") else heading
        if line.startswith("|") and not re.match(r"\|[ |:-]+\|$", line):
            rows.append((heading, " ".join(cells(line)).strip()))
    return rows, lines[-1]


def sought(name, label, quoted):
    """Return the text of the rows that a label names, and of the last line of the file."""
    rows, last = source(name)
    heading, _, start = label.rpartition(" > ")
    start = cells(quoted)[0] if start.strip() == "*" else start.strip()
    found = [row for above, row in rows if above.startswith(heading.strip()) and f"{row} ".startswith(f"{start} ")]
    assert found, f"results/{name}.md has no row {label!r}"
    return found, last


def items(mark):
    """Return the sources of each quoted row as lists of (file, label), and the numbers that were given."""
    name, rows, given = None, [], ""
    for item in mark.split(";"):
        if item.strip().startswith("given:"):
            given = item.split(":", 1)[1]
            continue
        row = []
        for part in item.split("+"):
            head, _, label = part.strip().partition(": ")
            name, label = (head, label) if (RESULTS / f"{head}.md").is_file() else (name, part.strip())
            assert name, f"there is no results/{head}.md"
            row.append((name, label))
        rows.append(row)
    return rows, given


def values(text):
    """Return the numbers of a text, each with its decimals and whether it is a share in percent."""
    for found in NUMBER.findall(CODE.sub(" ", CLOCK.sub(" ", DATE.sub(" ", text)))):
        plain = found.rstrip(" %").replace(",", "")
        yield found, float(plain), len(plain.partition(".")[2]), found.endswith("%")


def held(value, decimals, percent, among):
    """Return whether a number is one of others, rounded as it is quoted; a share may be quoted in percent."""
    half = 0.5 * 10.0**-decimals * (1 + 1e-9)
    return any(abs(one - value) <= half or (percent and abs(100 * one - value) <= half) for one in among)


def checked(mark, block):
    """Yield (number, decimals, percent, text, the numbers it may come from) for all that a marked block quotes."""
    rows, given = items(mark)
    quoted = quoted_rows(block)
    assert len(rows) in (1, len(quoted)) or not block.startswith("|"), (
        f"{len(quoted)} rows, {len(rows)} sources: {mark}"
    )
    for i, line in enumerate(quoted):
        parts = rows if not block.startswith("|") else [rows[min(i, len(rows) - 1)]]
        found, last = [], ""
        for name, label in (pair for part in parts for pair in part):
            texts, end = sought(name, label, line)
            found, last = found + texts, f"{last} {end}"
        assert set(DATE.findall(line)) <= set(DATE.findall(last)), f"another date than {last[:60]}: {line[:60]}"
        texts = [*found, given, "" if block.startswith("|") else last]
        among = [
            one
            for text in texts
            for _, value, _, percent in values(text)
            for one in ([value, value / 100] if percent else [value])
        ]
        for text, value, decimals, percent in values(line):
            yield value, decimals, percent, text, among


def marked():
    for path in PAGES:
        for mark, block in blocks(path.read_text(encoding="utf-8")):
            yield path, mark, block


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_figure_stands_in_a_result_file(path):
    wrong = []
    for mark, block in blocks(path.read_text(encoding="utf-8")):
        if mark is None:
            if MEASURED.search(CODE.sub(" ", block)):
                wrong.append(f"no source is named of: {block[:90]!r}")
        elif not mark[1]:
            wrong += [
                f"{text} of {block[:60]!r}"
                for v, d, p, text, among in checked(mark[2], block)
                if not held(v, d, p, among)
            ]
    assert not wrong, "\n".join([f"{path.name}: no result file holds", *wrong])


def test_a_figure_that_is_off_in_its_last_digit_is_noticed():
    """Sources are rows, not files: hardly a wrong number is by chance among the right ones."""
    missed = total = 0
    for _, mark, block in marked():
        if mark and not mark[1]:
            for value, decimals, percent, _, among in checked(mark[2], block):
                if decimals:
                    off = [value + step * 10.0**-decimals for step in (-2, -1, 1, 2)]
                    total, missed = total + len(off), missed + sum(held(one, decimals, percent, among) for one in off)
    assert total > 400
    assert missed / total < 0.05


def test_make_bench_runs_every_script_that_is_quoted():
    quoted = {
        name for _, mark, block in marked() if mark and not mark[1] for row in items(mark[2])[0] for name, _ in row
    }
    assert len(quoted) > 10
    assert {name.split("-")[0] for name in quoted} <= set(SCRIPTS)


def test_what_was_never_measured_is_found():
    said = "The bound was -82.67. With N(0, I) it was -84.50, with 17 of 32 latents."
    found = {
        text: held(v, d, p, among) for v, d, p, text, among in checked("images-mnist-balanced: mnist-balanced", said)
    }
    assert found == {"82.67": True, "0": True, "84.50": False, "17": False, "32": False}
    row = "| vaekit | 0.994 | 0.975 |"
    numbers = [
        (text, held(v, d, p, among)) for v, d, p, text, among in checked("tables: Adult > vaekit", f"| |\n|-|\n{row}")
    ]
    assert numbers == [("0.994", True), ("0.975", True)]
    with pytest.raises(AssertionError, match="no row"):
        list(checked("tables: Adult > nobody", f"| |\n|-|\n{row}"))
    assert not held(0.983, 3, False, [0.975, 0.994])
    assert held(86.1, 1, True, [0.861]) and not held(86.1, 1, False, [0.861])
