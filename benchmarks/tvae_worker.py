"""A worker with CTGAN's TVAE in it; `benchmarks.tvae_peer` starts it, in the environment where ctgan is.

It reads a table, fits, samples, and writes synthetic rows and how long each took. All of it is ctgan's own code with its own
defaults. Two things of it are replaced from outside: its transformer by one with clocks, so that preparation and training
are told apart, and its progress bar by one that begins no epoch that would end after the time is up.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import ctgan
import joblib
import numpy as np
import pandas as pd
import torch
from ctgan.data_transformer import DataTransformer
from ctgan.synthesizers import tvae as ctgan_tvae
from joblib.externals.loky import get_reusable_executor

MISSING = "<missing>"
NOTE = (
    "ctgan does not take missing cells: they were given as the mean of a numeric column, and as a category of a discrete "
    "one, which is turned into missing cells again in the synthetic rows"
)


class Clock(dict[str, float]):
    """Seconds on the wall, and of the processor over all threads and the processes that have ended."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what is done inside."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        if joblib.effective_n_jobs(-1) > 1:  # processes count when they have ended, which belongs to what they did
            get_reusable_executor().shutdown(wait=True)
        self["wall"], self["cpu"] = time.perf_counter() - wall, cpu_seconds() - cpu

    def without(self, *parts: Clock) -> Clock:
        """Return what is left when the time of parts is taken off."""
        return Clock({kind: seconds - sum(part[kind] for part in parts) for kind, seconds in self.items()})


class Clocked(DataTransformer):
    """The transformer, with a clock for each of its halves."""

    clocks: ClassVar[dict[str, Clock]] = {"transformer_fit": Clock(), "transform": Clock()}

    def fit(self, *given: Any) -> None:
        """Find mixtures and categories."""
        with self.clocks["transformer_fit"].running():
            super().fit(*given)

    def transform(self, *given: Any) -> np.ndarray:
        """Apply them."""
        with self.clocks["transform"].running():
            return super().transform(*given)


class Limit:
    """Stands for a progress bar over epochs, and stops them in time; there is always one.

    Args:
        seconds: From now on; None for no limit.
        now: The clock.
    """

    def __init__(self, seconds: float | None, now: Callable[[], float]) -> None:
        self.now, self.epochs = now, 0
        self._end = float("inf") if seconds is None else now() + seconds

    def __call__(self, epochs: Sequence[int], **_: Any) -> Iterator[int]:
        """Yield epochs, while another of their mean length fits."""
        began = self.now()
        for i in epochs:
            if i and self.now() + (self.now() - began) / i > self._end:
                return
            yield i
            self.epochs = i + 1


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def without_missing(frame: pd.DataFrame, discrete: list[str]) -> pd.DataFrame:
    """Fill what is missing, as ctgan's users must."""
    filled = frame.copy()
    for name in frame.columns[frame.isna().any()]:
        if name in discrete:
            filled[name] = frame[name].astype(object).where(frame[name].notna(), MISSING).astype(str)
        else:
            filled[name] = frame[name].fillna(frame[name].mean())
    return filled


def with_missing(synthetic: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return synthetic rows with the types of the table, and missing cells where their category was drawn."""
    for name in like.columns[like.isna().any()]:
        if synthetic[name].dtype == object:
            column = synthetic[name].where(synthetic[name] != MISSING, None)
            synthetic[name] = column.astype(like[name].dtype)
    return synthetic


def run(frame: pd.DataFrame, setup: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit and sample; return synthetic rows and figures."""
    filled, fitting, sampling = without_missing(frame, setup["discrete"]), Clock(), Clock()
    model = ctgan.TVAE(epochs=setup["epochs"], enable_gpu=False)
    model.set_random_state(setup["seed"])
    limit = Limit(setup["seconds"], {"wall": time.perf_counter, "cpu": cpu_seconds}[setup["clock"]])
    ctgan_tvae.DataTransformer, ctgan_tvae.tqdm = Clocked, limit
    with fitting.running():
        model.fit(filled, setup["discrete"])
    count = setup["rows"] or len(frame)
    with sampling.running():
        synthetic = model.sample(count)
    parts = Clocked.clocks
    training = fitting.without(*parts.values())
    figures = {
        "epochs": limit.epochs,
        "loss": float(model.loss_values["Loss"].iloc[-1]),
        "encoded_width": int(model.transformer.output_dimensions),
        "decoder_parameters": sum(p.numel() for p in model.decoder.parameters()),
        "fit": fitting,
        "prepare": fitting.without(training) | {"parts": parts},
        "train": training | rates(training, limit.epochs * len(frame)),
        "sample": sampling | rates(sampling, count),
    }
    return with_missing(synthetic, frame), figures


def rates(clock: Clock, rows: int) -> dict[str, float]:
    return {"rows": rows, "rows_per_second": rows / clock["wall"], "rows_per_cpu_second": rows / clock["cpu"]}


def cpu_seconds() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def main() -> None:
    folder = Path(sys.argv[1])
    setup = json.loads((folder / "setup.json").read_text(encoding="utf-8"))
    torch.set_num_threads(setup["threads"])
    np.random.seed(setup["seed"])
    frame = read(Path(setup["table"]))
    missing = int(frame.isna().to_numpy().sum())
    about = {"ctgan": ctgan.__version__, "torch": torch.__version__, "table": Path(setup["table"]).name}
    about |= {"rows": len(frame), "columns": frame.shape[1], "missing_cells": missing, "note": NOTE if missing else ""}
    synthetic, figures = run(frame, setup)
    synthetic.to_parquet(folder / "synthetic.parquet", index=False)
    asked = {key: setup[key] for key in ("threads", "seed", "seconds", "clock")}
    answer = about | {"asked": asked} | figures
    (folder / "figures.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
