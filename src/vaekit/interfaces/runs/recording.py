"""Training that is recorded in a run folder: checkpoints, curves, signals, and bounds and a report at the end."""

from __future__ import annotations

from typing import Any

from vaekit.interfaces.media import MEDIA
from vaekit.interfaces.runs.ending import conclude
from vaekit.interfaces.runs.folder import RunFolder
from vaekit.interfaces.runs.logs import loggers
from vaekit.interfaces.runs.run import Run
from vaekit.interfaces.runs.signals import Interruption, Stopped
from vaekit.interfaces.runs.trainer import Listener, Trainer, time_for_training
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

    def begin(self) -> None:
        """Make the folder, and write all that is known before training.

        Raises:
            FileExistsError: The folder holds a run already, or is a file.
            OSError: The folder cannot be written to.
        """
        self.folder.create()
        self._describe()

    def restore(self, seconds_more: float | None) -> None:
        """Continue from the newest valid checkpoint, or from the beginning if a run has none.

        Raises:
            ValueError: The run is finished, its data have changed, or all its checkpoints are damaged.
        """
        trainer, path = self.trainer, self.folder.path
        if not any(self.folder.checkpoints.glob("*.ckpt")):
            if self.folder.evaluation.is_file():
                raise ValueError(
                    f"{path} is finished and has no checkpoint to go on from; run fit again with another --out"
                )
            trainer.notes.append("the run was stopped before its first checkpoint; it begins anew")
            self._describe()
            return
        if trainer.data.fingerprint != self.folder.read_json("split.json")["fingerprint"]:
            raise ValueError(f"the data have changed since {path} was begun; run fit again on them")
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        state, note = self.checkpoints.load()
        trainer.notes += [note] if note else []
        with trainer.scope:
            trainer.state.load_state_dict(state)
        position = trainer.state.position
        if seconds_more is not None:
            position.begin, position.stop, position.limit = position.step, None, seconds_more
        if position.stop is None and position.limit is not None:
            trainer.seconds = time_for_training(trainer.training.replace(time_limit=position.limit, auto_fix=False))
        elif state.get("finished") and self._is_evaluated():
            raise ValueError(
                f"{path} is finished after {position.step} steps; extend it with: vaekit resume {path} --time-limit +10m"
            )

    def run(self, listener: Listener | None = None) -> Run:
        """Train to the end, save the best weights, evaluate, report.

        Raises:
            Stopped: A signal came; the state is saved.
            TrainingDiverged: Values stayed non-finite after three rollbacks; the last good checkpoint is intact.
        """
        with Interruption() as interruption, self.trainer.scope:
            self._train(listener, interruption)
            self._save(finished=True)
            if interruption.signum is not None:
                self._stop(interruption.signum)
        path = self.folder.path
        stopped = f"stopped after training, which is saved; get bounds and report with: vaekit resume {path}"
        with Interruption(stopped), self.trainer.scope:
            return self._finish()

    def _describe(self) -> None:
        trainer = self.trainer
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.folder.write_experiment(trainer.experiment)
        self.folder.write_environment()
        self.folder.write_data(trainer.data)
        MEDIA[trainer.experiment.data.kind].preview(trainer.data, trainer.view, self.folder.plots)

    def _is_evaluated(self) -> bool:
        """Return whether bounds and report are those of the last step: a run may be stopped before they are written."""
        if not (self.folder.evaluation.is_file() and self.folder.report.is_file() and self.folder.model.is_whole()):
            return False
        return self.folder.read_evaluation().get("step") == self.trainer.state.position.step

    def _train(self, listener: Listener | None, interruption: Interruption) -> None:
        trainer = self.trainer
        logs = loggers(self.folder.metrics, self.folder.path / "tensorboard", trainer.state.position.step)
        try:
            for progress in trainer.steps():
                if progress.validation is not None:
                    self._save(best=progress.best)
                    values = self._logged(progress, progress.validation)
                    for log in logs:
                        log.log(progress.step, values)
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
            self.checkpoints.save({**state.state_dict(), "finished": finished}, best=best)

    def _stop(self, signum: int) -> None:
        self._save()
        step = self.trainer.state.position.step
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
        trained = trainer.finished(self.checkpoints.best()["average"])
        trained.save(self.folder.model.path)
        experiment = trainer.experiment.replace(model=trained.description)
        run = Run(self.folder, experiment, trained.model, trainer.data.schema, trainer.data)
        conclude(run, trainer.notes, trainer.state.position.step)
        return run
