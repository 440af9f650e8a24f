"""A toy kind of data, flat and as a hierarchy, goes through every verb, measure, check and section of the report."""

import ast
import math
from pathlib import Path
from typing import get_args

import pytest
import torch

import test_kinds
import vaekit
from toys import walking
from toys.bits import Bits, BitsVAE, all_strings, exact_evidence
from vaekit.diagnosis import Examination, doctor
from vaekit.interfaces.describing.keys import keys
from vaekit.interfaces.measures.deep import deep, measures_of
from vaekit.interfaces.runs.auto_fix import revised
from vaekit.interfaces.runs.subject import Patient
from vaekit.objectives import AnyObjective
from vaekit.trained import TrainedModel

QUICK = {"steps": 30, "batch": 16, "lr": 1e-2, "device": "cpu", "precision": "fp32", "threads": 1}
LENGTH = 6


def strings(count=320):
    """Return strings of two classes: mostly zeros, or mostly ones."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(count) % 2
    bits = torch.rand(count, LENGTH, generator=generator) < (0.15 + 0.7 * label).unsqueeze(1)
    return [
        f"{''.join(map(str, row))} {'ones' if one else 'zeros'}"
        for row, one in zip(bits.int().tolist(), label, strict=True)
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "strings.bits"
    path.write_text("\n".join(strings()))
    return path


@pytest.fixture(scope="module", params=[1, 2], ids=["flat", "hierarchy"])
def run(request, file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return vaekit.fit(file, out=out, groups=request.param, latent=2, **QUICK)


def test_the_kind_lacks_no_entry():
    test_kinds.test_a_kind_lacks_no_entry("bits")


def test_the_kind_is_found_by_its_reader_and_has_keys_of_its_own(run, file):
    assert run.kind == "bits" and run.experiment.data.source == str(file)
    assert {"first", "groups"} <= {key.path for key in keys("bits")}
    assert vaekit.fit(file, first=60, latent=1, **QUICK).data.values.shape == (60, LENGTH)
    with pytest.raises(ValueError, match="unknown key 'firts'; did you mean 'first'"):
        vaekit.fit(file, firts=60)
    with pytest.raises(ValueError, match="binary strings have one length"):
        Bits().opened().convert(["01", "011"])


def test_it_is_saved_and_loaded_with_and_without_its_run(run, tmp_path):
    again = vaekit.load(run.path)
    alone = TrainedModel.load(run.save(tmp_path / "alone"))
    assert sorted(p.name for p in (tmp_path / "alone").iterdir()) == ["config.json", "model.safetensors", "schema.json"]
    assert run.sample(20, seed=3) == again.sample(20, seed=3) == alone.sample(20, seed=3)
    assert again.experiment == run.experiment


def test_its_history_has_the_rate_of_each_of_several_groups(run):
    for row in run.history:
        groups = row.get("rate_per_group", [])
        assert len(groups) == (2 if run.description.groups == 2 else 0)
        assert not groups or sum(groups) == pytest.approx(row["rate"], abs=1e-3)


@pytest.mark.parametrize("alone", [False, True], ids=["run", "model alone"])
def test_every_verb_answers_or_says_why_not(run, file, tmp_path, alone):
    model = TrainedModel.load(run.save(tmp_path / "alone")) if alone else run
    code = torch.zeros(3, sum(model.latents.sizes))
    known = {"source": file, "n": 4, "label": "ones", "z": code, "context": (), "given": None, "count": 5}
    known |= {name: strings(2)[:1] for name in ("first", "second", "a", "b", "c")} | {"given": {"x": 1}}
    del known["count"]
    said = {}
    for verb in walking.verbs(model):
        wanted = dict(known)
        if verb in ("sample", "quality"):
            wanted = {"n": 8}
        result = walking.call(model, verb, wanted)
        if isinstance(result, ValueError):
            said[verb] = str(result)
        else:
            assert result is not None, verb
    assert {"sample", "encode", "decode", "reconstruct", "score", "interpolate", "analogy", "traverse"} <= set(
        walking.verbs(model)
    ) - set(said)
    assert "table" in said["impute"] and "table" in said["sample_given"]
    assert set(said) == {"impute", "sample_given", "quality", *(["manipulate"] if alone else [])}, said


def test_groups_have_names_and_the_verbs_speak_of_them(run, file):
    groups = run.description.groups
    mean, std = run.encode(file)
    assert mean.shape == std.shape == (320, 2 * groups) and (std > 0).all()
    encoded = run.encode(file)
    assert [m.shape[1] for m in encoded.means] == [2] * groups
    names = ["z0", "z1"] if groups == 1 else ["z0_0", "z0_1", "z1_0", "z1_1"]
    assert list(run.latents.names) == names
    found = run.traverse(steps=3)
    assert sorted(found.names) == sorted(names) and [len(row) for row in found.rows] == [3] * len(names)
    assert run.traverse(steps=3, dimensions=[len(names) - 1]).names == names[-1:]
    bounds = run.evaluate(samples=5)
    assert bounds.means.shape[1] == bounds.rate_per_dimension.numel() == 2 * groups
    assert bounds.rate_per_dimension.sum().item() == pytest.approx(bounds.rate.double().mean().item(), rel=0.2)
    assert list(bounds.groups.names) == names


@pytest.mark.parametrize("name", sorted(walking.commands()))
def test_every_command_answers_or_says_why_not(run, file, tmp_path, name):
    command = walking.commands()[name]
    known = {"run": run.path, "runs": [run.path, run.path], "data": file, "toward": "label=ones"}
    known |= {
        "a": 0,
        "b": 1,
        "c": 2,
        "out": tmp_path / "out.csv",
        "also": {"fit": ("data", "keys", "out"), "fit-prior": ("kind", "out")}.get(name, ()),
    }
    known |= {"kind": "gmm", "keys": ["steps=3", "latent=2", f"groups={run.description.groups}", "device=cpu"]}
    if name in ("fit", "fit-prior"):
        known["out"] = tmp_path / "again"
    code, out, err = walking.run(name, walking.typed(command, known))
    if name == "impute":
        assert code == 2 and "impute fills missing cells of a table" in err
    elif name == "resume":
        assert code == 2 and "is finished after 30 steps" in err
    else:
        assert code == 0 and out, (out, err)


def test_every_measure_has_numbers_or_a_reason(run):
    found = deep(run)
    for measure in measures_of("bits"):
        value = found[measure.name]
        assert (value is None) == (measure.name in found["why"])
        assert value is None or measure.lines(value)
    assert found["information"] is not None and found["probes"] is not None and found["annealed"] is not None


def test_every_check_has_a_number_or_none(run):
    patient = Patient(run, run.experiment, run.history)
    examination = Examination(patient.subject())
    values = doctor.values(examination)
    assert set(values) == {check.name for check in doctor.CHECKS}
    assert all(value is None or math.isfinite(value) for value in values.values())
    applied = [name for name, value in values.items() if value is not None]
    assert len(applied) >= 12, applied
    for finding in doctor.diagnose(examination):
        if finding.prescription:
            revised(run.experiment, finding, run.data)


def test_the_report_has_all_its_sections(run):
    assert walking.run("diagnose", [str(run.path)])[0] == 0
    html = run.folder.report.read_text()
    for title in _sections():
        assert f"<h2>{title}</h2>" in html, title
    assert "test strings of 6 bits" in html and "bits/bit" in html


def _sections():
    """Return the titles of all sections that the code of the report makes."""
    folder = Path(vaekit.__file__).parent / "interfaces" / "report"
    calls = (node for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    found = {
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "section"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(found) >= 9
    return found


OBJECTIVES = sorted(
    {kind for part in get_args(get_args(AnyObjective)[0]) for kind in get_args(part.model_fields["kind"].annotation)}
)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains_or_says_why_not(file, objective, groups):
    posterior = {"rae": "delta", "vq": "vq"}.get(objective, "gaussian")
    try:
        model = vaekit.fit(
            file, objective=objective, posterior=posterior, groups=groups, latent=2, **{**QUICK, "steps": 3}
        )
    except ValueError as error:
        assert len(str(error)) > 20
        return
    assert len(model.sample(3)) == 3


@pytest.mark.parametrize("kind", ["gmm", "diagonal"])
def test_a_prior_is_fitted_afterwards(run, kind, tmp_path):
    fitted = vaekit.fit_prior(run, kind, out=tmp_path / "fitted")
    assert fitted.description.prior.kind == kind and len(vaekit.load(fitted.path).sample(3)) == 3


def test_bounds_lie_below_the_exact_evidence(file):
    model = vaekit.fit(file, latent=1, **{**QUICK, "steps": 200})
    x = all_strings(LENGTH).float()
    evidence = exact_evidence(model.model, x)
    assert evidence.exp().sum().item() == pytest.approx(1, abs=1e-4)
    lines = ["".join(map(str, row)) for row in x.int().tolist()]
    bounds = model.evaluate(Bits().opened().convert(lines), samples=200)
    assert (bounds.elbo - evidence).mean() < 0 and (bounds.elbo - evidence).max() < 0.1
    assert (evidence - bounds.iw.double()).mean().item() == pytest.approx(0, abs=0.05)


def test_a_description_is_a_value():
    model = BitsVAE(length=4, groups=2)
    assert BitsVAE.model_validate_json(model.model_dump_json()) == model
