import torch

from vaekit.training import Step, TrainingState
from vaekit.training.fabric import make_fabric

from .small import settings


def test_real_valued_data_reach_the_model_unrounded_under_bf16():
    seen = []

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, x, samples):
            return self.weight * x.sum()

    def prepare(batch):
        seen.append(batch.clone())
        return batch

    def criterion(trace, _step):
        return trace, {}

    criterion.after_step = lambda: None
    training = settings(steps=1, precision="bf16")
    state = TrainingState(Step(Model(), criterion, prepare), training, make_fabric(training))
    state.advance(torch.tensor([1000.123]))
    assert seen[0].dtype == torch.float32
    assert seen[0].item() == torch.tensor(1000.123).item()
