import pytest

from toys.bits import BitMedium, Bits
from vaekit.interfaces.media import MEDIA
from vaekit.modalities import MODALITIES


@pytest.fixture(scope="session", autouse=True)
def toy_kind():
    """Add the toy kind to the two tables: one entry each, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODALITIES, "bits", Bits())
        patch.setitem(MEDIA, "bits", BitMedium())
        yield
