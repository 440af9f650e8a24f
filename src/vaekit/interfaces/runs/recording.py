"""Training that is recorded in a run folder: checkpoints, curves, signals, and bounds and a report at the end."""

from __future__ import annotations

import math
from typing import Any

from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.runs.begun import Begun
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.lock import Lock
from vaekit.interfaces.runs.logs import loggers
from vaekit.interfaces.runs.run import Run, load
from vaekit.interfaces.runs.signals import Interruption, Stopped
from vaekit.interfaces.runs.trainer import Listener, Trainer
from vaekit.training import Checkpoints, Progress, Validation

__all__ = ["Recording"]


class Recording:
    """The training of one run: a trainer, and the folder that records it.

    Args:
        folder: The run folder.
        trainer: The training.
    """

    def __init__(self, folder: RunFolder, trainer: Trainer) -> None:
        self.folder, self.trainer = folder, trainer
        self._lock: Lock | None = None
        self.is_concluded = False
        """Whether the run is finished, its bounds and its report written."""

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def hold(self) -> None:
        """Let no other process write into the folder, which exists, until `release`.

        Raises:
            ValueError: Another process does.
        """
        self._lock = self._lock or Lock(self.folder.path)

    def release(self) -> None:
        """Let others write into the folder."""
        if self._lock is not None:
            self._lock.release()
        self._lock = None

    def begin(self) -> None:
        """Make the folder, and write all that is known before training.

        Raises:
            FileExistsError: The folder holds a run already, or is a file.
            ValueError: Another process writes into it.
            OSError: The folder cannot be written to.
        """
        self.folder.refuse_taken()
        self.folder.create()
        self.hold()
        self.folder.refuse_taken()  # another process may have trained here until it let us in
        self.folder.write_begun(Begun(notes=tuple(self.trainer.notes)))
        self._describe()

    def restore(self, seconds_more: float | None) -> None:
        """Continue from the newest valid checkpoint, or from the beginning if a run has none.

        Raises:
            ValueError: Its checkpoints were removed, its data have changed, all its checkpoints are damaged, or another process
                writes into its folder.
        """
        self.hold()
        trainer, path = self.trainer, self.folder.path
        if not any(self.folder.checkpoints.glob("*.ckpt")):
            if self.folder.model.has_weights:
                raise ValueError(
                    f"{path} is finished and has no checkpoint to go on from; run fit again with another --out"
                )
            trainer.notes[:] = self.folder.begun.notes or trainer.notes
            trainer.note("the run was stopped before its first checkpoint; it begins anew")
            self._describe()
            return
        if trainer.data.fingerprint != self.folder.fingerprint:
            raise ValueError(f"the data have changed since {path} was begun; run fit again on them")
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        state = self._loaded()
        position = trainer.state.position
        if seconds_more is not None:
            position.begin, position.stop, position.limit = position.step, None, seconds_more
            self._save()  # from now on the extension is what is finished by resume
        else:
            self.is_concluded = bool(state.get("finished")) and self._is_evaluated
        if position.stop is not None:
            trainer.limit_time(None)  # the last step is known; results must not depend on a clock
        elif position.limit is not None:
            trainer.limit_time(position.limit)

    def run(self, listener: Listener | None = None) -> Run:
        """Train to the end, save the best weights, evaluate, report.

        Raises:
            Stopped: A signal came; the state is saved.
            TrainingDiverged: Values stayed non-finite after three rollbacks; the last good checkpoint is intact.
        """
        path = self.folder.path
        if self.is_concluded:
            return load(path, data=self.trainer.data)
        with Interruption() as interruption, self.trainer.scope:
            self._train(listener, interruption)
            self._save(finished=True)
            if interruption.signum is not None:
                self._stop(interruption.signum)
        stopped = f"stopped after training, which is saved; get bounds and report with: vaekit resume {path}"
        with Interruption(stopped), self.trainer.scope:
            return self._finish()

    def _describe(self) -> None:
        trainer = self.trainer
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.folder.write_environment(trainer.arithmetic)
        self.folder.write_data(trainer.data)
        MEDIA[trainer.experiment.data.kind].preview(trainer.data, trainer.view, self.folder.plots)
        self.folder.write_experiment(trainer.experiment)

    def _loaded(self) -> dict[str, Any]:
        """Load the newest valid state, and return it; note what was damaged, and what differs from before."""
        trainer = self.trainer
        state, note = self.checkpoints.load()
        try:
            with trainer.scope:
                trainer.state.load_state_dict(state)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"the checkpoints in {self.folder.checkpoints} are of another run: {str(error).splitlines()[-1].strip()}"
            ) from error
        trainer.notes[:] = state.get("notes", trainer.notes)
        damaged = self.checkpoints.discard_damaged_best()
        if damaged is not None:
            trainer.state.position.best = -math.inf
        before, now = self.folder.read_json("environment.json"), trainer.arithmetic
        changed = [
            f"{name} {before[name]} became {now[name]}" for name in now if before.get(name, now[name]) != now[name]
        ]
        differs = f"{', '.join(changed)} since the run was begun: its last digits may differ" if changed else None
        for text in filter(None, (note, damaged, differs)):
            trainer.note(text)
        return state

    @property
    def _is_evaluated(self) -> bool:
        """Whether bounds and report are those of the last step: a run may be stopped before they are written."""
        return (
            self.folder.is_concluded
            and self.folder.model.is_whole()
            and self.folder.read_evaluation().get("step") == self.trainer.state.position.step
        )

    def _train(self, listener: Listener | None, interruption: Interruption) -> None:
        trainer = self.trainer
        logs = loggers(self.folder.metrics, self.folder.path / "tensorboard", trainer.state.position.step)
        try:
            for progress in trainer.steps():
                if progress.validation is not None:
                    values = self._logged(progress, progress.validation)
                    for log in logs:  # first: a line beyond the checkpoint is removed when the run is resumed
                        log.log(progress.step, values)
                    self._save(best=progress.best)
                if listener is not None:
                    listener(progress, trainer.batches.batch)
                if interruption.signum is not None:
                    self._stop(interruption.signum)
        finally:
            for log in logs:
                log.close()

    def _save(self, *, best: bool = False, finished: bool = False) -> None:
        state = self.trainer.state
        if state.is_finite():
            saved = {**state.state_dict(), "finished": finished, "notes": list(self.trainer.notes)}
            self.checkpoints.save(saved, best=best)

    def _stop(self, signum: int) -> None:
        self._save()
        step = self.trainer.state.position.step
        Interruption.hush()
        raise Stopped(signum, f"stopped at step {step}, saved; continue with: vaekit resume {self.folder.path}")

    def _logged(self, progress: Progress, validation: Validation) -> dict[str, Any]:
        trainer = self.trainer
        guard, position = trainer.state.guard, trainer.state.position
        per_group = validation.rate_per_group
        return {
            "epoch": round(position.step / trainer.batches.steps_per_epoch, 4),
            "seconds": round(position.seconds, 3),
            "data_per_second": round(position.step * trainer.batches.batch / max(position.seconds, 1e-9), 1),
            "lr": progress.lr,
            **self._trained(progress),
            "elbo": validation.elbo,
            "distortion": validation.distortion,
            "rate": validation.rate,
            "active_units": validation.active_units,
            **({} if validation.information is None else {"information": validation.information}),
            "rate_per_dimension": [round(v, 5) for v in validation.rate_per_dimension],
            **({"rate_per_group": [round(v, 5) for v in per_group]} if per_group else {}),
            "skipped": guard.skipped,
            "non_finite": guard.non_finite,
            "rollbacks": guard.rollbacks,
        }

    def _trained(self, progress: Progress) -> dict[str, float]:
        """Return the metrics of the last batch: the bound and its parts in the units of the data, the loss in the model's."""
        found = {f"train_{name}": value.item() for name, value in progress.metrics.items() if value.dim() == 0}
        for name, sign in (("train_elbo", 1), ("train_distortion", -1)):
            if name in found:
                found[name] += sign * self.trainer.log_jacobian("train")
        return found

    def _finish(self) -> Run:
        trainer = self.trainer
        trainer.state.release()  # memory for the best weights
        damaged = self.checkpoints.discard_damaged_best()
        if damaged is not None:
            trainer.note(damaged)
        trained = trainer.finished(self.checkpoints.best()["average"])
        trained.save(self.folder.model.path)
        experiment = trainer.experiment.replace(model=trained.description)
        run = Run(self.folder, experiment, trained.model, trainer.data.schema, trainer.data)
        conclude(run, trainer.notes, trainer.state.position.step, trainer.deadline, trainer.announce)
        self.checkpoints.settle()
        return run
