import json
import subprocess

import pytest
from typer.testing import CliRunner

from vaekit.interfaces.cli import app
from vaekit.interfaces.runs import ending
from vaekit.interfaces.runs.run import load

from . import table_files
from .shapes import class_folder, odd_folder

TINY = ["steps=3", "net=mlp", "net.widths=[8]", "net.residual=false", "latent=2", "precision=fp32", "device=cpu"]
"""Keys of a model that trains in no time."""


def write_no_report(run, result, *_, **__):
    run.folder.report.write_text("no report")
    return run.folder.report


@pytest.fixture
def no_report(monkeypatch):
    """The report has tests of its own, and its charts cost more than all else here."""
    monkeypatch.setattr(ending, "write_report", write_no_report)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class Answer:
    """What a verb said."""

    def __init__(self, result):
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        raised = result.exception
        assert raised is None or isinstance(raised, SystemExit), f"{raised!r}\n{result.stderr}"
        assert "Traceback" not in self.out + self.err

    @property
    def json(self):
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out, parse_constant=pytest.fail)

    @property
    def sentence(self):
        """The one sentence that bad input is answered by."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


def vaekit(*words) -> Answer:
    """Run a verb in this process."""
    return Answer(CliRunner().invoke(app, [str(word) for word in words]))


@pytest.fixture(scope="session")
def odd(tmp_path_factory):
    return odd_folder(tmp_path_factory.mktemp("data") / "odd images ü")


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    return class_folder(tmp_path_factory.mktemp("data") / "classes")


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Train a run of a few steps."""

    def make(data, *keys, base=TINY):
        out = tmp_path_factory.mktemp("runs") / "run ü 1"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ending, "write_report", write_no_report)
            answer = vaekit("fit", data, *base, *keys, "--out", out)
        assert answer.code == 0, answer.err
        return out

    return make


@pytest.fixture(scope="session")
def class_run(make_run, classes):
    return make_run(classes)


@pytest.fixture(scope="session")
def table_run(make_run):
    """A run of a bundled table of 30 numbers and a target of two classes."""
    keys = ("second_stage=none", "target=target", "net.widths=[16]", "latent=3", "epochs=4", "threads=1", "device=cpu")
    return load(make_run("breast-cancer", base=keys))


@pytest.fixture
def copy(tmp_path):
    """Copy a run, to be damaged."""

    def copied(run):
        subprocess.run(["cp", "-r", str(run), str(tmp_path / "copy")], check=True)
        return tmp_path / "copy"

    return copied


@pytest.fixture(scope="session")
def people_file(tmp_path_factory):
    return table_files.write(table_files.people(), tmp_path_factory.mktemp("data") / "people ü.csv")


@pytest.fixture(scope="session")
def people_gaps(tmp_path_factory):
    """The same, of which a tenth of the cells is missing."""
    return table_files.write(table_files.people(gaps=0.1), tmp_path_factory.mktemp("data") / "gaps.csv")


@pytest.fixture(scope="session")
def people_schema(tmp_path_factory):
    """A schema file that declares what holds in every row."""
    path = tmp_path_factory.mktemp("data") / "schema.yaml"
    path.write_text(table_files.CONSTRAINTS)
    return path


@pytest.fixture(scope="session")
def people_run(make_run, people_file):
    return make_run(people_file, "target=plan", base=table_files.TINY)


@pytest.fixture(scope="session")
def people_bound_run(make_run, people_gaps, people_schema):
    """A run of a table with missing cells, in every row of which the constraints hold."""
    return make_run(people_gaps, f"schema_file={people_schema}", base=table_files.TINY)
