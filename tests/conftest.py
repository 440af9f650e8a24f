import pytest
import torch

# The tests are small: a second thread costs more than it brings, and under xdist far more.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_noise():
    """Every test draws the same noise, alone or among others, and leaves threads and generator as it found them."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)
