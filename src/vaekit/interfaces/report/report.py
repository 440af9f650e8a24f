"""The report of a run: one HTML file that needs nothing else, and its pictures as PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from vaekit.data import Dataset, TextSchema
from vaekit.evaluation import Bounds
from vaekit.interfaces.language_model import NO_LATENTS, is_language_model
from vaekit.interfaces.pictures import save_png
from vaekit.interfaces.report.doctor import Diagnosis, charts_of, examination_section, findings_section
from vaekit.interfaces.report.figures import curves, rates
from vaekit.interfaces.report.galleries import galleries, shows_images
from vaekit.interfaces.report.latent_map import latent_map
from vaekit.interfaces.report.numbers import headline, notes, title, title_text
from vaekit.interfaces.report.page import Picture, columns, document, paragraph, section
from vaekit.interfaces.report.settings import settings
from vaekit.interfaces.report.tables import tables
from vaekit.interfaces.report.texts import texts
from vaekit.interfaces.run import Run
from vaekit.training.checkpoint import write_atomically

__all__ = ["write_report"]

_SMALLEST = 480  # pixels that a sheet of images should at least be wide as a file of its own


@dataclass(frozen=True)
class _Shown:
    """The data that the bounds belong to, where they are at hand."""

    data: Dataset | None = None
    given: tuple[Tensor, ...] = ()
    labels: Tensor | None = None


def write_report(run: Run, result: Bounds, diagnosis: Diagnosis | None = None) -> Path:
    """Write `report.html` and the pictures of a run; the model and the random generator stay as they are.

    Args:
        run: A trained run; its data are shown where they are at hand.
        result: Its bounds on its own held-out data, from `run.evaluate()`.
        diagnosis: What the doctor found, where it was asked.

    Returns:
        The report.
    """
    shown, about = _shown(run, len(result.means)), run.folder.read_json("data.json")
    charts = _curves(run)
    latents = [] if is_language_model(run.experiment.model) else _latents(result, shown, about)
    images, made = _made(run, result, shown)
    examined = [] if diagnosis is None else charts_of(diagnosis)
    for drawn in (*images, *charts, *latents, *(found for found in examined if isinstance(found, Picture))):
        save_png(_as_file(drawn), run.folder.plots / f"{drawn.name}.png")
    event = tuple(shown.given[0].shape[1:]) if shown.given else None
    body = [
        title(run, about, event),
        headline(run, result, about),
        "" if diagnosis is None else findings_section(diagnosis),
        notes(_evaluation_notes(run), about),
        section("Data and what the model makes of them", *made),
        section("Training", columns(charts) or paragraph("Nothing was logged.")),
        section("Latents", columns(latents), _missing(run, latents, result)),
        "" if diagnosis is None else examination_section(diagnosis, examined),
        *settings(run, shown.given, run.folder.read_json("environment.json")),
    ]
    page = document(title_text(run, about), body)
    # A file name from another file system may hold what UTF-8 cannot.
    write_atomically(run.folder.report, page.encode(errors="replace"))
    return run.folder.report


def _shown(run: Run, count: int) -> _Shown:
    try:
        data, rows = run.open()
    except (ValueError, OSError):
        # Data that came as arrays, or have moved or changed since, are no reason to have no report.
        return _Shown()
    rows = rows[:count]
    return _Shown(data, run.given(None, 1), None if data.labels is None else data.labels[rows])


def _evaluation_notes(run: Run) -> list[str]:
    return list(run.folder.read_json("evaluation.json").get("notes", [])) if run.folder.evaluation.is_file() else []


def _latents(result: Bounds, shown: _Shown, about: dict[str, Any]) -> list[Picture]:
    classes = shown.data.classes if shown.data is not None else ()
    labels = shown.labels if shown.labels is not None and len(shown.labels) == len(result.means) else None
    bars = None if result.rate_per_dimension is None else rates(result.rate_per_dimension)
    return [found for found in (bars, latent_map(result.means, labels, classes)) if found is not None]


def _missing(run: Run, latents: list[Picture], result: Bounds) -> str:
    if is_language_model(run.experiment.model):
        return paragraph(f"{NO_LATENTS.capitalize()}.", "soft")
    names = {found.name for found in latents}
    said = []
    if "rates" not in names:
        reason = "does not factorize" if result.rate is not None else "has no density"
        said.append(f"The posterior {reason}, so there is no KL per dimension.")
    if "latent-map" not in names:
        said.append("A latent map needs at least three held-out data.")
    return paragraph(" ".join(said), "soft") if said else ""


def _made(run: Run, result: Bounds, shown: _Shown) -> tuple[list[Picture], list[str]]:
    """Return pictures of the data and of what the model makes of them, and the parts of the section that shows them."""
    has_data = shown.data is not None
    lacking = paragraph("The data are not at hand, so no inputs are shown.", "soft") if not has_data else ""
    if isinstance(run.schema, TextSchema):
        return [], [lacking, *texts(run, result, shown.labels, has_data=has_data)]
    if run.kind == "table":
        pictures, parts = tables(run, result, has_data=has_data)
        return pictures, [lacking, *parts]
    if not shows_images(run):
        return [], [paragraph("The data are no images, so there is nothing to show of them.", "soft")]
    images = galleries(run, result, shown.labels, has_data=has_data)
    small = [found for found in images if found.name in ("reconstructions", "samples")]
    large = [found.html(wide=True) for found in images if found not in small]
    return images, [lacking, columns(small), *large]


def _curves(run: Run) -> list[Picture]:
    """Return the curves; without latents the distortion is the bound again, and there is no rate."""
    charts = curves(run.history)
    empty = ("curve-distortion", "curve-rate") if is_language_model(run.experiment.model) else ()
    return [found for found in charts if found.name not in empty]


def _as_file(drawn: Picture) -> Image.Image:
    """Return a picture as a file of its own: small sheets are enlarged pixel by pixel."""
    width, height = drawn.image.size
    zoom = -(-_SMALLEST // width) if drawn.kind == "sheet" else 1
    return drawn.image.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
