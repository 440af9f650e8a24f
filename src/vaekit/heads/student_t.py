"""Student's t: likelihoods of real data with outliers, as heavy-tailed as the data are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vaekit import distributions
from vaekit.heads.family import Factorized
from vaekit.heads.location_scale import LocationScale
from vaekit.heads.scale import Exp, Scale
from vaekit.value import Size

__all__ = ["StudentT"]

_LEAST = 2.1  # the variance exists, and is a finite number
_START = 10.0


class StudentT(Factorized, LocationScale):
    r"""Student's t with :math:`\nu = 2.1 + \log(1 + e^{raw})` degrees of freedom, learned and shared by all data.

    References:
        Takahashi, Iwata, Yamanaka, Yamada and Yagi, 2018, "Student-t variational autoencoder for robust density
        estimation".

    Examples:
        >>> raw = {"loc": torch.zeros(1, 2), "scale": torch.zeros(1, 2), "df": StudentT().shared((2,))["df"]}
        >>> StudentT()(raw, (2,)).base_dist.df
        tensor(10.)
    """

    kind: Literal["student_t"] = "student_t"
    scale: Scale = Exp(bounds=(-10.0, 2.0))
    """Parameterisation of the scale s, of which the standard deviation is a multiple: exp, softplus, fixed or shared."""

    def shared(self, event: Size) -> dict[str, Tensor]:
        """Return the degrees of freedom, and the scale where there is one for all data."""
        return {**super().shared(event), "df": torch.tensor(_START - _LEAST).expm1().log()}

    def elements(self, raw: Mapping[str, Tensor], event: Size) -> distributions.StudentT:
        """Return Student's t."""
        return distributions.StudentT(_LEAST + F.softplus(raw["df"]), *self.parts(raw), validate_args=False)
