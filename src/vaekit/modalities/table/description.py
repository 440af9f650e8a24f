"""Tables: the description of a VAE of mixed columns with missing cells; see `choices`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from vaekit.data import Dataset, Slot, TableSchema
from vaekit.data.table.evidence import AnyEvidence
from vaekit.data.table.origins import indexed, restored
from vaekit.data.table.rules import any_broken
from vaekit.distributions import Decoding
from vaekit.errors import NotApplicable
from vaekit.heads import (
    Categorical,
    Columns,
    Gaussian,
    LogisticMixture,
    NegativeBinomial,
    Ordinal,
    Poisson,
    Site,
    StudentT,
    Vamp,
    ZeroInflated,
    conditional,
)
from vaekit.heads.family import Measure
from vaekit.modalities.condition import conditioned
from vaekit.modalities.description import Description
from vaekit.modalities.table.gaussian import CellGaussian
from vaekit.modalities.table.given import GivenSample, sample_given
from vaekit.modalities.table.imputing import Imputation, impute
from vaekit.modalities.table.stacking import StackedVAE
from vaekit.modalities.view import Imputing, Pick, Seed, Traits, View, pointwise
from vaekit.models import VAE, LatentVariableModel
from vaekit.nets import MLP, ColumnTransformer, joined_size, table_encoder
from vaekit.value import Value

__all__ = ["ColumnLikelihoods", "Goal", "TableVAE", "TableView"]

Goal: TypeAlias = Literal["synthesis", "density", "imputation"]
"""The purpose of a table's model: rows like the real ones, calibrated densities, or missing cells."""

TableNet: TypeAlias = Annotated[MLP | ColumnTransformer, Field(discriminator="kind")]

_CHECKED = 4096  # rows that one check looks at
_STACKED = 4096  # rows that a Gaussian and a forest are fitted to
_WEIGHED = 512  # held-out rows that their weights are chosen on


class ColumnLikelihoods(Value):
    """The families of real variables and of counts; categories and ranks each have one family only."""

    real: Annotated[LogisticMixture | Gaussian | StudentT, Field(discriminator="kind")] = LogisticMixture()
    """Family of real variables: logistic_mixture, gaussian or student_t."""
    count: Annotated[Poisson | NegativeBinomial | ZeroInflated, Field(discriminator="kind")] = NegativeBinomial()
    """Family of counts: poisson, negative_binomial or zero_inflated."""

    def of(
        self, slot: Slot
    ) -> Categorical | Ordinal | LogisticMixture | Gaussian | StudentT | Poisson | NegativeBinomial | ZeroInflated:
        """Return the family of one variable."""
        match slot.kind:
            case "categorical":
                return Categorical(levels=slot.levels)
            case "ordinal":
                return Ordinal(levels=slot.levels)
            case "count":
                return self.count
            case "real":
                return self.real


class TableVAE(Description):
    r"""A VAE of a table: a row is a vector of variables, each with the family that its kind needs; NaN is not observed.

        x (B, D), NaN = not observed -> [an embedding per variable, one of them for "not observed"] -> net -> q(z | x) ~> z
        z -> [net's decoder] -> a family per variable -> p(x | z), event (D,): the product over the observed cells

    Cells that are missing at random cost nothing and are not guessed at: the likelihood is that of what was observed.

    References:
        Nazabal, Olmos, Ghahramani and Valera, 2020, "Handling incomplete heterogeneous data using VAEs"; Mattei and
        Frellsen, 2019, "MIWAE: deep generative modelling and imputation of incomplete data sets".

    Examples:
        >>> slots = (Slot(name="age", kind="real"), Slot(name="sex", kind="categorical", levels=2))
        >>> TableVAE(slots=slots, latent=2, net=MLP(widths=(8,))).build().generate(3).shape
        torch.Size([3, 2])
    """

    kind: Literal["table"] = "table"
    slots: Annotated[tuple[Slot, ...], Field(min_length=1)]
    """The variables: one or two for each column."""
    evidence: tuple[AnyEvidence, ...] = ()
    """What the last variables tell of others where a constraint has a missing cell; the schema knows."""
    goal: Goal = "synthesis"
    """The purpose of the model: synthesis, density or imputation; it sets the objective, hide and second_stage."""
    latent: Annotated[int, Field(ge=1, le=2**24)] = 16
    """Number of latent variables."""
    net: TableNet = MLP(widths=(256, 256))
    """Architecture of encoder and decoder: mlp or column_transformer."""
    likelihood: ColumnLikelihoods = ColumnLikelihoods()
    """Families of the variables, by their kind."""
    condition: Literal["none", "label"] = "none"
    """The condition of all three parts: nothing, or the class of each row, its target."""
    context: Annotated[int, Field(ge=0)] = 0
    """Length of the context vector: the number of classes."""
    hide: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Mean share of the cells that are hidden from the encoder in training, so that it learns to work from few cells."""

    gaussian: bool = False
    """Let a Gaussian and forests of all cells fill missing cells beside the VAE; their weights are chosen on held-out cells."""

    def model_post_init(self, _context: object) -> None:
        """Refuse a prior with learned pseudo-inputs: categories have no gradient."""
        if isinstance(self.prior, Vamp):
            raise ValueError(
                "prior=vamp learns pseudo-inputs by gradient, which categories have none of; use prior=gmm"
            )

    @property
    def family(self) -> Columns:
        """The family of one row."""
        own = self.slots[: len(self.slots) - sum(len(each.places) for each in self.evidence)]
        columns = tuple(self.likelihood.of(slot) for slot in own)
        return Columns(columns=columns, names=tuple(slot.name for slot in own), evidence=self.evidence)

    def build(self) -> VAE:
        """Return the model, freshly initialised."""
        size, latent = (len(self.slots),), self.posterior.latent_event(self.latent)
        encoder = table_encoder(
            self.net,
            [slot.levels for slot in self.slots],
            [slot.kind == "count" for slot in self.slots],
            self.hide,
            together=self._columns,
            context=self.context,
        )
        given = joined_size(latent, self.context)
        decoder = self.net.decoder(given, size) if isinstance(self.net, MLP) else self.net.decoder(given, size[0])
        posterior = conditional(self.posterior, encoder, given=size, event=latent, context=self.context)
        likelihood = conditional(self.family, decoder, given=latent, event=size, context=self.context)
        parts = self.prior.build(Site(latent, posterior, size, self.context)), posterior, likelihood
        return StackedVAE(*parts, CellGaussian(self.slots, self._columns)) if self.gaussian else VAE(*parts)

    @property
    def _columns(self) -> list[int]:
        """The number of the column that each variable belongs to: the cells of a column are missing together."""
        names = [slot.name.removesuffix(":rest").removesuffix("?") for slot in self.slots]
        return [names.index(name) for name in names]

    @property
    def measure(self) -> Measure:
        """Whether its bounds are logarithms of probabilities, of densities, or of products of both."""
        return self.family.measure

    @property
    def likelihood_name(self) -> str:
        """The name of its likelihood in a comparison."""
        return "columns"

    def view(self, schema: TableSchema | None = None) -> TableView:
        """Return how rows enter the model."""
        return TableView(self, schema)

    def check(self, data: Dataset) -> None:
        """Refuse data that are no table, have other variables, or lie outside the support of their families.

        Raises:
            ValueError: The data do not fit; the message names the column and says what to do.
        """
        schema = data.schema
        if not isinstance(schema, TableSchema):
            raise ValueError("the model is one of tables, but the data are none; give a table, or another model")
        if schema.slots != self.slots:
            other = next((a for a, b in zip(schema.slots, self.slots, strict=False) if a != b), None)
            why = f"the variable {other.name!r} differs" if other else f"the data have {len(schema.slots)} variables"
            raise ValueError(
                f"the table does not fit the model: {why}; read it with the run's schema, or give model=None"
            )
        self.family.check(data.values[data.part("train")[:_CHECKED]].float())


@dataclass(frozen=True)
class TableView(View):
    """How rows enter the model of a table, and how its output becomes a table again.

    Args:
        model: The description.
        schema: The schema of its data. If it is None, densities stay in the units of the codecs.
    """

    model: TableVAE
    schema: TableSchema | None = None

    def prepare(self, stored: Tensor) -> Tensor:
        """Return rows `(B, D)` in single precision; NaN is not observed."""
        return stored.float()

    def log_jacobian(self, x: Tensor) -> Tensor:
        """Return the nats `(B,)` that turn a density in the units of the codecs into one in those of the table."""
        return torch.zeros(len(x), dtype=torch.float64) if self.schema is None else self.schema.log_jacobian(x)

    def sizes(self, x: Tensor) -> Tensor:
        """Return the number of observed variables of each row, `(B,)`, 1 at least."""
        return (~x.isnan()).sum(1).clamp_min(1)

    @property
    def traits(self) -> Traits:
        """Rows have variables of different kinds, and some cells are not observed."""
        model, schema = self.model, self.schema
        masks = {} if schema is None else {place: mask for mask in schema.masks for place in schema.masked_by(mask)}
        real, count = model.likelihood.real.kind, model.likelihood.count.kind
        return Traits(
            numeric=False,
            slots=model.slots,
            masks=masks,
            columns={} if schema is None else schema.kinds,
            repeats=True,
            light_rate=model.goal == "synthesis",
            families={"real": (real, "logistic_mixture"), "count": (count, "negative_binomial")},
            net=model.net,
            rows=1000,
            drawn=8192,
        )

    def decode(self, x: Tensor) -> Any:
        """Return rows as a `pyarrow.Table`, in the types in which the columns came."""
        return restored(self.display(x), self.required_schema.sources)

    def display(self, x: Tensor) -> Any:
        """Return rows as a `pyarrow.Table`, in the few types that tables have here."""
        return self.required_schema.decode(x)

    def inputs(self, data: Dataset, x: Tensor) -> Any:
        """Return rows as they came, with the index of their frame."""
        if data.table is None:
            return self.decode(x)
        return indexed(restored(data.table, self.required_schema.sources), data.index)

    def pick(self, decoding: Decoding | None = None, *, noise: bool = False, sampling: bool = False) -> Pick:
        """Return how a row is taken: new rows are drawn cell by cell, reconstructions are means and the likeliest classes."""
        if noise:
            raise NotApplicable("noise applies to pixels; new rows are drawn anyway")
        return pointwise(decoding, noise=sampling)

    def allowed(self, x: Tensor) -> Tensor | None:
        """Return which rows keep the rules of the schema, if new rows are to."""
        if self.schema is None or not self.schema.kept:
            return None
        return torch.from_numpy(~any_broken(self.schema.kept, self.schema.decode(x)))

    def settle(self, data: Dataset) -> Dataset:
        """Return the data with labels as vectors, if the model is conditional on them.

        Raises:
            ValueError: The model is conditional and the data lack labels.
        """
        return conditioned(data, self.model.condition, self.model.context)

    @property
    def required_schema(self) -> TableSchema:
        """The schema of the data.

        Raises:
            NotApplicable: The model was loaded without it.
        """
        if self.schema is None:
            raise NotApplicable("the schema of these rows is lost, so they cannot be read or shown as a table")
        return self.schema

    @property
    def finishing(self) -> str:
        """What is fitted beside a VAE for imputation."""
        return "imputation: a Gaussian and forests are fitted" if self.model.gaussian else ""

    def finish(self, model: LatentVariableModel, data: Dataset, seconds: float = math.inf) -> str | None:
        """Fit what fills missing cells beside the VAE, and choose on held-out rows how much each contributes."""
        if not isinstance(model, StackedVAE):
            return None
        parts = data.drawn("train", _STACKED), data.drawn("validation", _WEIGHED)
        train, held_out = (self.prepare(data.values[rows]) for rows in parts)
        members = zip(
            ("the VAE", "a Gaussian", "a forest"), model.finish(train, held_out, seconds).tolist(), strict=True
        )
        shares = ", ".join(f"{share:.0%} from {name}" for name, share in members)
        return (
            f"imputation: of the draws come {shares}, as a mean over the variables; chosen by the errors of hidden cells in "
            "held-out rows"
        )

    def impute(self, model: LatentVariableModel, data: Dataset, how: Imputing) -> Imputation:
        """Return the table with its missing cells filled."""
        found, sources = impute(model, self.required_schema, data, how), self.required_schema.sources
        table, *draws = (indexed(restored(table, sources), data.index) for table in (found.table, *found.draws))
        return replace(found, table=table, draws=tuple(draws))

    def sample_given(self, model: LatentVariableModel, n: int, given: Mapping[str, Any], seed: Seed) -> GivenSample:
        """Return `n` new rows with fixed values in some columns."""
        if self.model.context:
            raise NotApplicable("given is not for a model that is conditional on labels; see label")
        found = sample_given(model, self.required_schema, n, given, seed)
        return found._replace(table=restored(found.table, self.required_schema.sources))
