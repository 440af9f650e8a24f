"""The README's lines of Python run as they stand, but for a shorter training."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_lines_of_python_run(tmp_path, monkeypatch):
    block = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)
    assert len(block.splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block.replace("epochs=60", "steps=3"), str(README), "exec"), names)
    assert names["images"].shape == (64, 1, 8, 8)
    x = names["images"].mul(16).round()
    assert names["model"](x, samples=2).log_weight.shape == (2, 64)


def test_what_the_readme_points_to_is_there():
    targets = re.findall(r"\]\(([\w./-]+)\)", README.read_text(encoding="utf-8"))
    assert targets
    assert all((README.parent / target).exists() for target in targets)
