"""A model speaks the units of its data: what its verbs return is data again, of the same type, for every likelihood.

One law for each kind of data: data -> sample -> encode -> score is a round trip, a model accepts its data in every type of
number that holds them, and it accepts the files that it writes.
"""

import numpy as np
import pytest
import torch
from PIL import Image

import vaekit
from vaekit.interfaces.cli.app import app

from .members import members

QUICK = {"latent": 2, "net": {"kind": "mlp", "widths": (8,)}, "steps": 2, "preset": "fast", "threads": 1}
HEIGHT, WIDTH = 4, 3


def grey(levels, dtype, count=40, channels=1):
    """Return random images (N, H, W, C) of as many levels."""
    draws = np.random.default_rng(0).integers(0, levels, (count, HEIGHT, WIDTH, channels))
    draws[0].flat[:2] = 0, levels - 1
    return draws.astype(dtype)


def real(low, high, dtype, count=40):
    return np.random.default_rng(1).uniform(low, high, (count, HEIGHT, WIDTH)).astype(dtype)


BYTES, DIGITS, BINARY = grey(256, np.uint8), grey(17, np.float64).astype(np.int64), grey(2, np.uint8)
FEW = {"discretized_logistic", "discretized_logistic_mixture", "categorical"}

IMAGES = {
    "bytes": (BYTES, {}),
    "RGB": (grey(256, np.uint8, channels=3), {}),
    "two channels": (grey(256, np.uint8, channels=2), {}),
    "17 levels": (DIGITS, {}),
    "12 bits": (grey(4096, np.uint16), {}),
    "bool": (BINARY.astype(bool), {}),
    "ink": (BINARY * np.uint8(255), {}),
    "binary floats": (BINARY.astype(np.float64), {}),
    "reals": (real(-3, 8, np.float64), {}),
    "unit": (real(0.01, 0.99, np.float32), {}),
    "half": (real(0, 1, np.float16), {}),
    "dequantized": (BYTES, {"likelihood": "gaussian", "dequantize": True}),
    **{
        f"binarize={how}": (BYTES, {"likelihood": {"kind": "bernoulli", "binarize": how}})
        for how in ("dynamic", "static", "threshold")
    },
    **{f"levels {kind}": (DIGITS, {"likelihood": kind}) for kind in sorted(FEW)},
    **{f"counts {kind}": (DIGITS, {"likelihood": kind}) for kind in ("poisson", "negative_binomial", "zero_inflated")},
    **{
        f"reals {kind}": (real(-3, 8, np.float32), {"likelihood": kind})
        for kind in ("gaussian", "laplace", "student_t", "logistic_mixture", "flow")
    },
    **{
        f"bytes {kind}": (BYTES, {"likelihood": kind})
        for kind in ("gaussian", "laplace", "student_t", "logistic_mixture", "continuous_bernoulli")
    },
    "unit beta": (real(0.01, 0.99, np.float32), {"likelihood": "beta"}),
}
"""Data, and the keys of their model: every type of number, and every likelihood on data that it can have."""


def test_every_likelihood_of_images_is_among_the_cases():
    kinds = {family.model_fields["kind"].default for family in members(vaekit.heads.Likelihood)}
    chosen = {"bernoulli", "discretized_logistic", "continuous_bernoulli", "gaussian"}
    named = {keys["likelihood"] for _, keys in IMAGES.values() if isinstance(keys.get("likelihood"), str)}
    assert kinds <= named | chosen


def check_round_trip(model, data):
    """Assert that what each verb returns is of the data's type, in their range, and data for the model again."""
    dtype = torch.as_tensor(data[:1]).dtype
    inputs, again = model.reconstruct(data[:5])
    made = {
        "sample": model.sample(3),
        "noise": model.sample(3, noise=True) if model.kind != "tensor" else model.sample(3),
        "decode": model.decode(model.encode(data[:3]).mean),
        "inputs": inputs,
        "reconstruct": again,
        "interpolate": model.interpolate(data[:1], data[1:2], 3),
        "analogy": model.analogy(data[:1], data[1:2], data[2:3]),
        "traverse": model.traverse(data[:1], 3).rows.flatten(0, 1),
    }
    for verb, found in made.items():
        assert found.dtype == dtype, verb
        assert bool(torch.isfinite(model.encode(found).mean).all()), verb
        assert bool(torch.isfinite(model.score(found, samples=2).distortion).all()), verb
    return inputs


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_returned_in_their_units_and_are_data_again(name):
    data, keys = IMAGES[name]
    model = vaekit.fit(data, **{**QUICK, **keys})
    inputs = check_round_trip(model, data)
    if name != "binarize=static":  # which keeps no grey
        expected = torch.as_tensor(data[:5].reshape(5, HEIGHT, WIDTH, -1)).permute(0, 3, 1, 2)
        torch.testing.assert_close(
            inputs, expected.to(inputs.dtype), atol=0, rtol=1e-7
        )  # models compute in single precision
    shown = model.displayed.sample(3)
    assert shown.is_floating_point() and shown.min() >= 0 and shown.max() <= 1


def scores(model, data):
    torch.manual_seed(0)
    return model.score(data, samples=2).elbo


@pytest.mark.parametrize(
    ("data", "others"),
    [
        (
            BYTES,
            {
                "floats": BYTES.astype(float),
                "ints": BYTES.astype(int),
                "unit": BYTES / 255,
                "unit32": (BYTES / 255).astype("f4"),
            },
        ),
        (
            DIGITS,
            {
                "bytes": DIGITS.astype("u1"),
                "floats": DIGITS.astype(float),
                "unit": DIGITS / 16,
                "shades": np.round(DIGITS * 255 / 16).astype("u1"),
            },
        ),
        (
            BINARY,
            {
                "bool": BINARY.astype(bool),
                "ink": BINARY * np.uint8(255),
                "floats": BINARY.astype(float),
                "tensor": torch.from_numpy(BINARY).permute(0, 3, 1, 2),
            },
        ),
        (BINARY * np.uint8(255), {"bool": BINARY.astype(bool), "floats": BINARY * 255.0}),
        (BYTES / 255, {"bytes": BYTES}),
        (DIGITS.astype(float), {"bytes": DIGITS.astype("u1"), "ints": DIGITS}),
    ],
    ids=["bytes", "digits", "binary", "ink", "unit", "floats"],
)
def test_a_model_takes_its_data_in_every_type_that_holds_them(data, others):
    model = vaekit.fit(data, **QUICK)
    own = scores(model, data)
    for name, other in others.items():
        torch.testing.assert_close(scores(model, other), own, atol=1e-3, rtol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BYTES, "expects integers 0 .. 16, or intensities k/16, but the data lie in"),
        (DIGITS - 1, "count levels from 0, but the smallest is -1"),
        (DIGITS + 0.3, "but the data lie in .*16.3"),
        (DIGITS * 0.7, "but the data are no integers"),
    ],
)
def test_pixels_that_have_no_place_among_the_levels_are_refused(data, said):
    model = vaekit.fit(DIGITS, **QUICK)
    with pytest.raises(ValueError, match=said):
        model.encode(data)


def composition(family, event):
    net = vaekit.MLP(widths=(8,))
    posterior = vaekit.Conditional(net.encoder(event), vaekit.Gaussian(), given=event, event=(2,))
    likelihood = vaekit.Conditional(net.decoder((2,), event), family, given=(2,), event=event)
    return vaekit.VAE(vaekit.StandardNormal((2,)), posterior, likelihood)


TENSORS = {
    "reals": (vaekit.Gaussian(), 100 + torch.randn(40, 5)),
    "doubles": (vaekit.Gaussian(), 100 + torch.randn(40, 2, 3, dtype=torch.float64)),
    "levels": (vaekit.DiscretizedLogistic(levels=17), torch.randint(0, 17, (40, 5))),
    "levels as floats": (vaekit.DiscretizedLogistic(levels=17), torch.randint(0, 17, (40, 1, 4, 3)).float()),
    "counts": (vaekit.Poisson(), torch.randint(0, 9, (40, 5), dtype=torch.int16)),
    "binary": (vaekit.Bernoulli(), torch.randint(0, 2, (40, 5), dtype=torch.uint8)),
    "bool": (vaekit.Bernoulli(), torch.randint(0, 2, (40, 5)).bool()),
    "unit": (vaekit.ContinuousBernoulli(), torch.rand(40, 5)),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_composition_of_ones_own_keeps_the_units_of_its_data(name, tmp_path):
    family, data = TENSORS[name]
    model = vaekit.fit(data, model=composition(family, tuple(data.shape[1:])), steps=2, threads=1)
    inputs = check_round_trip(model, data)
    assert torch.equal(inputs, data[:5])
    assert torch.equal(model.reconstruct(data[2:4])[0], data[2:4])  # whatever lies beside them
    folder = model.save(tmp_path / "own")
    again = vaekit.TrainedModel.load(folder, model=composition(family, tuple(data.shape[1:])))
    assert torch.equal(again.sample(3), model.sample(3)) and again.sample(3).dtype == data.dtype


def test_samples_of_far_data_are_far():
    """The same numbers shifted by 1,000 have samples shifted by about 1,000, in images and in a composition."""
    data = 1000 + torch.randn(60, HEIGHT, WIDTH)
    assert float(vaekit.fit(data, **QUICK).sample(8).mean()) == pytest.approx(1000, abs=3)
    assert float(vaekit.fit(data.numpy(), **QUICK).sample(8).mean()) == pytest.approx(1000, abs=3)


FILES = {
    "bytes": BYTES,
    "RGB": IMAGES["RGB"][0],
    "17 levels": DIGITS,
    "ink": IMAGES["ink"][0],
    "reals": IMAGES["reals"][0],
    "12 bits": IMAGES["12 bits"][0],
}


def run(*words):
    from typer.testing import CliRunner

    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.parametrize("name", FILES)
def test_a_model_takes_the_files_that_it_writes(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "cache"))
    data = FILES[name]
    model = vaekit.fit(data, **QUICK)
    folder = model.save(tmp_path / "model")
    for out in ("numbers.npy", "numbers.npz"):
        run("sample", folder, "-n", 5, "--out", tmp_path / out)
        run("score", folder, tmp_path / out, "--out", tmp_path / "scores.csv", "--samples", 2)
    numbers = np.load(tmp_path / "numbers.npy")
    expected = model.sample(5).movedim(1, -1).numpy()
    assert numbers.dtype == data.dtype
    np.testing.assert_array_equal(numbers.reshape(expected.shape), expected)
    run("sample", folder, "-n", 5, "--out", tmp_path / "pictures")
    said = run("encode", folder, tmp_path / "pictures", "--out", tmp_path / "latents.npz")
    assert "5 x 2 latents" in said
    assert name in ("bytes", "RGB") or "were read as" in said or "became the nearer" in said
    run("reconstruct", folder, tmp_path / "numbers.npy", "--out", tmp_path / "again.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "again.npz")["inputs"], numbers)


@pytest.mark.parametrize("kind", ["grey", "RGB", "RGBA"])
def test_image_files_of_other_channels_and_depths_are_brought_to_those_of_the_model(kind, tmp_path, monkeypatch):
    """Also the opaque pictures of a model of RGBA; a note says what was done."""
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "cache"))
    channels = {"grey": 1, "RGB": 3, "RGBA": 4}[kind]
    folder = vaekit.fit(grey(256, np.uint8, channels=channels), **QUICK).save(tmp_path / "model")
    others = {
        "L": grey(256, np.uint8)[..., 0],
        "RGB": grey(256, np.uint8, channels=3),
        "RGBA": grey(256, np.uint8, channels=4),
        "deep": grey(4096, np.uint16)[..., 0],
    }
    for mode, pixels in others.items():
        (tmp_path / mode).mkdir()
        for place in range(4):
            Image.fromarray(pixels[place]).save(tmp_path / mode / f"{place}.png")
        for source in (tmp_path / mode, tmp_path / mode / "0.png"):
            said = run("score", folder, source, "--out", tmp_path / "scores.csv", "--samples", 2)
            is_own = mode == {"grey": "L"}.get(kind, kind)
            assert ("note: " in said) != is_own, (mode, source)


def test_numbers_that_single_precision_changes_are_told():
    data = 1e7 + torch.randn(40, HEIGHT, WIDTH, dtype=torch.float64)
    model = vaekit.fit(data, **QUICK)
    assert any("% of the numbers change in single precision" in note for note in model.data.notes)
    assert not vaekit.fit(data - 1e7, **QUICK).data.notes
    own = vaekit.fit(data, model=composition(vaekit.Gaussian(), (HEIGHT, WIDTH)), steps=2, threads=1)
    assert any("% of the numbers change in single precision" in note for note in own.data.notes)


def test_pictures_of_as_many_channels_as_no_file_has_lose_nothing(tmp_path):
    data = grey(256, np.uint8, channels=2)
    folder = vaekit.fit(data, **QUICK).save(tmp_path / "model")
    said = run("sample", folder, "-n", 3, "--out", tmp_path / "pictures")
    assert "2 channels stand side by side; --out FILE.npz keeps them apart" in said
    with Image.open(tmp_path / "pictures" / "sample-0.png") as image:
        assert (image.mode, image.size) == ("L", (2 * WIDTH, HEIGHT))


def test_an_old_folder_of_pictures_keeps_what_others_wrote_alone(tmp_path):
    folder = vaekit.fit(BYTES, **QUICK).save(tmp_path / "model")
    out = tmp_path / "pictures"
    run("sample", folder, "-n", 12, "--out", out)
    Image.fromarray(BYTES[0, ..., 0]).save(out / "mine.png")
    said = run("sample", folder, "-n", 3, "--out", out)
    assert "12 images of an earlier sample were there, and were removed" in said
    assert sorted(path.name for path in out.iterdir()) == [
        "grid.png",
        "mine.png",
        *(f"sample-{i}.png" for i in range(3)),
    ]


ROWS = {
    "a": 1e6 * np.random.default_rng(2).normal(size=120),
    "b": ["x", "y"] * 60,
    "c": np.random.default_rng(3).gamma(2, 1e-3, 120),
}


@pytest.mark.parametrize("data", [1e4 * IMAGES["reals"][0], BYTES, ROWS], ids=["reals", "bytes", "rows"])
def test_progress_and_bounds_are_in_the_same_units(data, tmp_path):
    seen = []
    keys = {**QUICK, "lr": 1e-6, "second_stage": "none"}
    keys = {name: key for name, key in keys.items() if name != "net" or data is not ROWS}
    run = vaekit.fit(
        data, out=tmp_path / "run", listener=lambda progress, batch: seen.append(progress.validation), **keys
    )
    own = run.data.taken(run.data.part("validation"))
    bound, last = run.evaluate(own).elbo.mean().item(), seen[-1]
    trained = run.evaluate(run.data.taken(run.data.part("train"))).elbo.mean().item()
    assert last.elbo == pytest.approx(bound, rel=0.05, abs=1.0)
    assert last.elbo == pytest.approx(-last.distortion - last.rate, abs=1e-3)
    assert run.history[-1]["elbo"] == last.elbo
    assert run.history[-1]["train_elbo"] == pytest.approx(trained, rel=0.1, abs=3.0)
    assert last.score == pytest.approx(last.elbo - last.log_jacobian + (1 - last.beta) * last.rate)
    assert (last.log_jacobian == 0) == (data is BYTES)
