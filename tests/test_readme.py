"""The README's lines of Python run as they stand, but for a shorter training; and it stays short."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_the_lines_of_python_run(tmp_path, monkeypatch):
    block = re.search(r"```python\n(.*?)```", TEXT, re.S).group(1)
    assert len(block.splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block.replace("epochs=60", "steps=3"), str(README), "exec"), names)
    assert names["images"].shape == (64, 1, 8, 8)
    assert {path.name for path in (tmp_path / "digits-model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "schema.json",
    }
    assert (tmp_path / "digits-run" / "report.html").is_file()


def test_it_is_one_and_a_half_screens():
    assert len(TEXT.splitlines()) <= 100


def test_it_names_the_two_commands_and_shows_a_picture():
    assert "make demo" in TEXT and "make test" in TEXT and re.search(r"!\[[^\]]+\]\(docs/\w+\.png\)", TEXT)
