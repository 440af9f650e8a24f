"""A worker with pythae in it; `benchmarks.pythae_peer` starts it, in the environment where pythae is.

It reads one JSON object per line and answers each by one: an epoch of training by pythae's own trainer, or pythae's own
estimate of log p(x). The nets are written in plain torch with the layers of ours, as a user of pythae would write them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn


class Standardize(nn.Module):
    """The affine first layer that our image models begin with."""

    def forward(self, x: Tensor) -> Tensor:
        """Bring [0, 1] to [-1, 1]."""
        return (x - 0.5) / 0.5


class Encoder(BaseEncoder):
    """A body, and one linear head each for mean and log-variance."""

    def __init__(self, body: nn.Module, features: int, latent: int) -> None:
        super().__init__()
        self.body, self.loc, self.log_variance = body, nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, x: Tensor) -> ModelOutput:
        """Return the parameters of q(z | x) by the names that pythae asks for."""
        h = self.body(x)
        return ModelOutput(embedding=self.loc(h), log_covariance=self.log_variance(h))


class Decoder(BaseDecoder):
    """A body from latents to probabilities or means of pixels."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, z: Tensor) -> ModelOutput:
        """Return the reconstruction by the name that pythae asks for."""
        return ModelOutput(reconstruction=self.body(z))


def mlp(shape: tuple[int, int, int], widths: list[int], latent: int) -> tuple[Encoder, Decoder]:
    (width,), size = widths, shape[0] * shape[1] * shape[2]
    body = nn.Sequential(Standardize(), nn.Flatten(), nn.Linear(size, width), nn.ReLU())
    head = [nn.Linear(width, size), nn.Sigmoid(), nn.Unflatten(1, shape)]
    return Encoder(body, width, latent), Decoder(nn.Sequential(nn.Linear(latent, width), nn.ReLU(), *head))


def conv(shape: tuple[int, int, int], widths: list[int], latent: int) -> tuple[Encoder, Decoder]:
    def block(layer: nn.Module, channels: int) -> list[nn.Module]:
        return [layer, nn.BatchNorm2d(channels), nn.LeakyReLU(0.2)]

    side = shape[1] // 2 ** len(widths)
    start, features = (widths[-1], side, side), widths[-1] * side * side
    down: list[nn.Module] = []
    for before, after in zip((shape[0], *widths), widths, strict=False):
        down += block(nn.Conv2d(before, after, 3, stride=2, padding=1), after)
    up: list[nn.Module] = [nn.Linear(latent, features), nn.Unflatten(1, start)]
    back = widths[::-1]
    for before, after in zip(back, (*back[1:], back[-1]), strict=True):
        up += block(nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1), after)
    body = nn.Sequential(Standardize(), *down, nn.Flatten())
    return Encoder(body, features, latent), Decoder(nn.Sequential(*up, nn.Conv2d(back[-1], shape[0], 3, padding=1)))


def build(setup: dict[str, Any], start: dict[str, Any]) -> VAE:
    shape = tuple(setup["shape"])
    nets = {"mlp": mlp, "conv": conv}[setup["net"]](shape, setup["widths"], setup["latent"])
    loss = {"bernoulli": "bce", "gaussian": "mse"}[setup["likelihood"]]
    model = VAE(VAEConfig(input_dim=shape, latent_dim=setup["latent"], reconstruction_loss=loss), *nets)
    for half in ("encoder", "decoder"):
        targets = list(getattr(model, half).state_dict().values())
        for target, source in zip(targets, start[half], strict=True):
            target.copy_(source)
    return model


class Rounds(TrainingCallback):
    """Lets every epoch wait for its turn, and tells how long it took and its loss."""

    def __init__(self, count: int) -> None:
        self.count = count

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Wait, then start the clock."""
        read()
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Stop the clock."""
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    def on_log(self, _config: Any, logs: dict[str, float], **_: Any) -> None:
        """Answer."""
        write(wall=self.wall, cpu=self.cpu, count=self.count, loss=logs["train_epoch_loss"])


def train(folder: Path, setup: dict[str, Any], model: VAE, data: Tensor) -> None:
    config = BaseTrainerConfig(
        output_dir=str(folder / "run"),
        per_device_train_batch_size=setup["batch"],
        num_epochs=setup["epochs"],
        learning_rate=setup["lr"],
        seed=setup["seed"],
        no_cuda=True,
    )
    dataset = BaseDataset(data, torch.ones(len(data)))
    trainer = BaseTrainer(model, dataset, training_config=config, callbacks=[Rounds(len(data))])
    trainer.train()
    (saved,) = (folder / "run").rglob("final_model/model.pt")
    state = torch.load(saved)["model_state_dict"]
    halves = {half: [t for name, t in state.items() if name.startswith(half)] for half in ("encoder", "decoder")}
    torch.save(halves, folder / "end.pt")
    read()
    write(done=True)


def nll(setup: dict[str, Any], model: VAE, data: Tensor) -> None:
    torch.manual_seed(setup["seed"])
    model.eval()
    while request := read():
        x = data[: request["images"]]
        wall, cpu = time.perf_counter(), time.process_time()
        value = model.get_nll(x, n_samples=request["samples"], batch_size=request["batch_size"])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        write(wall=wall, cpu=cpu, count=len(x) * request["samples"], log_likelihood=float(value))


def read() -> dict[str, Any]:
    line = sys.stdin.readline()
    return json.loads(line) if line else {}


def write(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    folder = Path(sys.argv[1])
    setup = json.loads((folder / "setup.json").read_text(encoding="utf-8"))
    start = torch.load(folder / "start.pt")
    torch.set_num_threads(setup["threads"])
    with torch.no_grad():
        model = build(setup, start)
    write(torch=torch.__version__, parameters=sum(p.numel() for p in model.parameters()))
    if setup["task"] == "train":
        train(folder, setup, model, start["data"])
    else:
        nll(setup, model, start["data"])


if __name__ == "__main__":
    main()
