"""The report of a run: one HTML file that needs nothing else, and its pictures as PNG files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from vaekit.errors import DataNotAtHand, foreign_bytes
from vaekit.evaluation import Bounds
from vaekit.interfaces.measures.deep import NO_LATENTS
from vaekit.interfaces.media import MEDIA, Exhibit, HeldOut
from vaekit.interfaces.media.pictures import save_png
from vaekit.interfaces.report.doctor import Diagnosis, charts_of, examination_section, findings_section
from vaekit.interfaces.report.figures import curves, group_rates, rates
from vaekit.interfaces.report.latent_map import latent_map
from vaekit.interfaces.report.numbers import headline, notes, title, title_text
from vaekit.interfaces.report.page import Picture, columns, document, paragraph, section
from vaekit.interfaces.report.settings import settings
from vaekit.interfaces.runs.run import Run
from vaekit.training.budget import NEVER, Deadline
from vaekit.training.checkpoint import write_atomically

__all__ = ["write_report"]

_SMALLEST = 480  # pixels that a sheet of images should at least be wide as a file of its own


def write_report(run: Run, result: Bounds, diagnosis: Diagnosis | None = None, deadline: Deadline = NEVER) -> Path:
    """Write `report.html` and the pictures of a run; the model and the random generator stay as they are.

    Args:
        run: A trained run; its data are shown if they are available.
        result: Its bounds on its own held-out data, from `run.evaluate()`.
        diagnosis: What the doctor found, if it was asked.
        deadline: When it should be written: what is not yet made then is left out, and the report says so.

    Returns:
        The report.
    """
    held_out, about = _held_out(run, len(result.means)), run.folder.read_json("data.json")
    given = () if held_out is None else run.given(held_out.first(1))
    charts = _curves(run)
    latents = _latents(run, result, held_out) if run.view.traits.latents else []
    made = list(_exhibits(run, result, held_out, deadline))
    images = [picture for exhibit in made for picture in exhibit.pictures]
    lacking = "" if held_out else paragraph("The data are not available, so no inputs are shown.", "soft")
    seen = {picture.name for picture in images}
    charted = [] if diagnosis is None else charts_of(diagnosis)
    examined = [found for found in charted if isinstance(found, str) or found.name not in seen]
    for drawn in (*images, *charts, *latents, *(found for found in examined if isinstance(found, Picture))):
        save_png(_as_file(drawn), run.folder.plots / f"{drawn.name}.png")
    event = tuple(given[0].shape[1:]) if given else None
    with foreign_bytes(run.folder.path / "data.json"):
        name, first = title_text(run, about), title(run, about, event)
        bounds, noted = headline(run, result, about), notes(_evaluation_notes(run), about)
    body = [
        first,
        bounds,
        "" if diagnosis is None else findings_section(diagnosis),
        noted,
        section("Data, and what the model makes of them", lacking, *(exhibit.html for exhibit in made)),
        section("Training", columns(charts) or paragraph("Nothing was logged.")),
        section("Latents", columns(latents), _missing(run, latents, result)),
        "" if diagnosis is None else examination_section(diagnosis, examined),
        *settings(run, given, run.folder.read_json("environment.json")),
    ]
    page = document(name, body)
    # A file name from another file system may hold what UTF-8 cannot.
    write_atomically(run.folder.report, page.encode(errors="replace"))
    return run.folder.report


def _exhibits(run: Run, result: Bounds, held_out: HeldOut | None, deadline: Deadline) -> Iterator[Exhibit]:
    """Yield the exhibits of the data as long as there is time."""
    for exhibit in MEDIA[run.kind].exhibits(run, result, held_out, deadline):
        yield exhibit
        if deadline.left <= 0:
            yield Exhibit(
                paragraph(
                    f"The time limit cut this part short; vaekit report {shlex.quote(str(run.path))} writes all of it.",
                    "soft",
                )
            )
            return


def _held_out(run: Run, count: int) -> HeldOut | None:
    try:
        data, rows = run.open()
    except (DataNotAtHand, OSError):
        # The report is written without data that came from memory, or that have moved or changed since.
        return None
    return HeldOut(data, rows[:count])


def _evaluation_notes(run: Run) -> list[str]:
    found = run.folder.read_json("evaluation.json") if run.folder.evaluation.is_file() else {}
    return [*found.get("remarks", []), *found.get("notes", [])]


def _latents(run: Run, result: Bounds, held_out: HeldOut | None) -> list[Picture]:
    classes, labels = ((), None) if held_out is None else (held_out.data.classes, held_out.labels)
    bars = None if result.rate_per_dimension is None else rates(result.rate_per_dimension, run.latents.names)
    found = latent_map(result.means, labels, classes)
    several = (
        None
        if result.rates is None or result.rates.shape[1] == 1
        else group_rates(result.rates.double().mean(0).tolist())
    )
    return [picture for picture in (several, bars, found) if picture is not None]


def _missing(run: Run, latents: list[Picture], result: Bounds) -> str:
    if not run.view.traits.latents:
        return paragraph(f"{NO_LATENTS.capitalize()}.", "soft")
    names = {found.name for found in latents}
    reason = "does not factorize" if result.rate is not None else "has no density"
    missing = [
        *([] if "rates" in names else [f"The posterior {reason}, so there is no KL per dimension."]),
        *([] if "latent-map" in names else ["A latent map needs at least three held-out data."]),
    ]
    return paragraph(" ".join(missing), "soft") if missing else ""


def _curves(run: Run) -> list[Picture]:
    """Return the curves; without latents the distortion is the bound again, and there is no rate."""
    empty = () if run.view.traits.latents else ("curve-distortion", "curve-rate")
    return [found for found in curves(run.history) if found.name not in empty]


def _as_file(drawn: Picture) -> Image.Image:
    """Return a picture as a file of its own: small sheets are enlarged pixel by pixel."""
    width, height = drawn.image.size
    zoom = -(-_SMALLEST // width) if drawn.kind == "sheet" else 1
    return drawn.image.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
