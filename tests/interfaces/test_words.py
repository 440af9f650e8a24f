"""What is printed and drawn: tables, times, numbers, grids."""

import io
import json
import math

import pytest
import torch
from rich.console import Console
from torch import nn

import vaekit
from vaekit.interfaces.cli.errors import complain
from vaekit.interfaces.cli.output import bound_lines, emit
from vaekit.interfaces.describing.layers import layer_table, layers, words
from vaekit.interfaces.describing.typed import seconds_of
from vaekit.interfaces.describing.words import CONTROLS, duration
from vaekit.interfaces.media.pictures import grid, picture
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.trained.files import plain


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("+10m", 600), ("1h30m", 5400), ("1.5h", 5400), (" 2D ", 172800)],
)
def test_a_time_is_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "ten", "-5", "1h 30m", "5 s", "0", "1e3", "nan", "inf"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="a time"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0s"), (59.6, "1m00s"), (125, "2m05s"), (7260, "2h01m")])
def test_a_duration_is_written(seconds, text):
    assert duration(seconds) == text


def test_json_holds_no_number_that_is_none(capsys, tmp_path):
    content = {"a": [1.0, math.nan], 2: (math.inf,), "b": {"c": -math.inf}}
    assert plain(content) == {"a": [1.0, None], "2": [None], "b": {"c": None}}
    emit(True, content)
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["b"]["c"] is None
    RunFolder(tmp_path).write_json("name.json", {"file": "a\udcff.png"})
    assert RunFolder(tmp_path).read_json("name.json") == {"file": "a\udcff.png"}


def test_bounds_are_told_with_names_and_errors():
    bound = {"nats": -1.234, "se": None, "bits_per_dim": 0.5}
    summary = {
        "bounds": {"elbo": bound, "iw": {**bound, "samples": 10, "ess": 2.0}},
        **{"rate": 1.0, "distortion": 2.0, "active_units": 3, "n": 1},
        **{"unit": "image", "dimension": "dim"},
    }
    elbo, iw, rest = bound_lines(summary)
    assert elbo == "ELBO     -1.23 +- unknown nats per image, 0.5000 bits/dim"
    assert iw.startswith("IW-10 ")
    assert "larger is better" in rest


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Linear(64, 256), "Linear 64 -> 256"),
        (nn.Conv2d(3, 32, 3, stride=2, padding=1), "Conv2d 3 -> 32, 3x3, stride 2"),
        (nn.Conv2d(3, 32, 1), "Conv2d 3 -> 32, 1x1"),
        (nn.ConvTranspose2d(8, 4, (4, 3), stride=(2, 1)), "ConvTranspose2d 8 -> 4, 4x3, stride 2x1"),
        (nn.BatchNorm2d(8), "BatchNorm2d 8"),
        (nn.GroupNorm(2, 8), "GroupNorm 8, 2 groups"),
        (nn.LayerNorm((4, 5)), "LayerNorm 4x5"),
        (nn.ParameterDict({"scale": torch.zeros(())}), "shared scale"),
        (nn.GRU(3, 4), "GRU 3 -> 4, 1 deep"),
        (nn.TransformerEncoderLayer(4, 2), "TransformerEncoderLayer"),
    ],
)
def test_a_layer_in_few_words(module, said):
    assert words(module) == said


def model():
    likelihood = {"kind": "gaussian", "scale": {"kind": "shared"}}
    return vaekit.ImageVAE(shape=(3, 33, 50), latent=90, net={"kind": "conv"}, likelihood=likelihood).build()


def test_the_rows_add_up():
    rows = layers(model())
    for side, part in (("encoder", model().posterior), ("decoder", model().likelihood)):
        counts = [row["parameters"] for row in rows if row["side"] == side]
        assert sum(counts[:-1]) == counts[-1] == sum(p.numel() for p in part.parameters())


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_table_of_layers_fits_the_terminal(width):
    shown = io.StringIO()
    Console(file=shown, width=width).print(layer_table(layers(model())))
    lines = shown.getvalue().rstrip().split("\n")
    assert len(lines) == len(layers(model())) + 1
    assert all(len(line) <= width for line in lines)
    assert all(word in shown.getvalue() for word in ("Conv2d 64 -> 128, 3x3, stride 2", "shared scale", "403,290"))


@pytest.mark.parametrize(
    ("channels", "mode", "width"), [(1, "L", 4), (2, "L", 8), (3, "RGB", 4), (4, "RGBA", 4), (5, "L", 20)]
)
def test_a_picture_of_any_number_of_channels(channels, mode, width):
    """Channels that no picture has lie side by side, in grey."""
    found = picture(torch.rand(channels, 3, 4))
    assert (found.mode, found.size) == (mode, (width, 3))
    assert grid(torch.rand(2, channels, 60, 50)).size == (2 * (50 * width // 4 + 2) + 2, 62 + 2)


def test_a_grid_enlarges_pixel_by_pixel_and_keeps_the_order():
    images = torch.arange(6).view(6, 1, 1, 1).expand(6, 1, 2, 2) / 5
    drawn = grid(images, columns=3)
    assert drawn.size == (3 * 50 + 2, 2 * 50 + 2)
    assert [drawn.getpixel((2 + 50 * (i % 3), 2 + 50 * (i // 3))) for i in range(6)] == [0, 51, 102, 153, 204, 255]
    assert picture(torch.tensor([[[-1.0, 0.5, 2.0]]])).tobytes() == bytes([0, 128, 255])


HOSTILE = "a\x1b[31mb\x07\x9b2J\u202ec\r:warning:"


@pytest.mark.parametrize("stream", ["out", "err"])
def test_no_control_character_reaches_a_terminal(capsys, stream):
    from rich.table import Table

    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    if stream == "out":
        emit(False, {}, HOSTILE, table)
    else:
        complain(f"error: {HOSTILE}")
    printed = getattr(capsys.readouterr(), stream)
    assert not CONTROLS.search(printed) and "\\x1b[31m" in printed and ":warning:" in printed


def test_json_holds_control_characters_as_escapes(capsys):
    emit(True, {HOSTILE: [HOSTILE]})
    printed = capsys.readouterr().out
    assert not CONTROLS.search(printed) and json.loads(printed) == {HOSTILE: [HOSTILE]}


def test_a_very_long_sentence_loses_its_middle(capsys):
    complain("begins " + 10**6 * "x" + " ends")
    printed = capsys.readouterr().err
    assert len(printed) < 2_100 and printed.startswith("begins") and printed.endswith("ends\n")
