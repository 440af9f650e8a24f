"""A toy kind of data: short binary strings. One description, one reader and one medium; nothing else knows of it.

With `groups=2` its model is a hierarchy, z1 -> z2 -> x: the proof that all above `models/` takes many groups of latents.
"""

from typing import Literal

import torch
from torch import nn
from torch.distributions import Independent
from torch.nn.functional import one_hot

from vaekit.data import Dataset, split_by_content
from vaekit.data.schema import Schema
from vaekit.distributions import draw_prior, point, temper
from vaekit.heads import Bernoulli, Conditional, Gaussian, Site, conditional
from vaekit.interfaces.media import Answer, Exhibit, Medium
from vaekit.interfaces.report.page import exhibit, verbatim
from vaekit.modalities import Description, Modality, Reading, Traits, View
from vaekit.modalities.choice import Choice
from vaekit.modalities.condition import conditioned
from vaekit.modalities.modality import Words
from vaekit.models import VAE, Latent, LatentVariableModel
from vaekit.nets import MLP


class BitSchema(Schema):
    """What binary strings look like."""

    kind: Literal["bits"] = "bits"
    length: int

    def check(self, other):
        """Refuse strings of another length."""
        if getattr(other, "length", None) != self.length:
            raise ValueError(f"length: the model expects {self.length} bits, the data have another; give such strings")


# --- one description


class BitsVAE(Description):
    """A VAE of binary strings."""

    kind: Literal["bits"] = "bits"
    length: int
    groups: Literal[1, 2] = 1
    """Groups of latents."""
    net: MLP = MLP(widths=(16,), norm="none")
    """Architecture of both sides."""
    likelihood: Bernoulli = Bernoulli()
    """Family of p(x | z)."""

    def build(self):
        """Return the model."""
        size, latent = (self.length,), self.posterior.latent_event(self.latent)
        likelihood = conditional(self.likelihood, self.net.decoder(latent, size), given=latent, event=size)
        posterior = conditional(self.posterior, self.net.encoder(size), given=size, event=latent)
        prior = self.prior.build(Site(latent, posterior, size, 0))
        if self.groups == 1:
            return VAE(prior, posterior, likelihood)
        both = (self.latent + self.length,)
        below = Conditional(self.net.encoder(both), Gaussian(), given=both, event=latent)
        given = Conditional(self.net.encoder(latent), Gaussian(), given=latent, event=latent)
        return Ladder(Pair(prior, given), Pair(posterior, below), likelihood)

    def view(self, schema=None) -> "BitsView":
        """Return how strings enter the model."""
        return BitsView(self)

    def check(self, data):
        """Refuse other data."""
        self.likelihood.check(data.values.float())

    @property
    def measure(self):
        """Strings are counted."""
        return "counting"


class BitsView(View):
    """Strings as vectors of zeros and ones."""

    def __init__(self, model):
        self.model = model

    @property
    def traits(self):
        """Numbers on one scale, and one family for all of them."""
        return Traits(family=self.model.likelihood, net=self.model.net, repeats=True)

    def prepare(self, stored):
        """Return zeros and ones, single precision."""
        return stored.float()

    def settle(self, data):
        """Return the data with labels as vectors, where the model is conditional."""
        return conditioned(data, self.model.condition, self.model.context)

    def decode(self, x):
        """Return strings; a probability is rounded."""
        return ["".join("1" if bit > 0.5 else "0" for bit in row) for row in x.tolist()]


class Pair(nn.Module):
    """The part of a hierarchy that the top group has, and the one that the group below it has."""

    def __init__(self, top, below):
        super().__init__()
        self.top, self.below = top, below

    def forward(self, *given):
        """Return the distribution of the top group."""
        return self.top(*given)


class Ladder(LatentVariableModel):
    """z1 -> z2 -> x, and x -> z1, (z1, x) -> z2."""

    def __init__(self, prior, posterior, likelihood):
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    def infer(self, x, *context):
        """Keep the data: all that the posteriors are given."""
        return Seen(x)

    def draw(self, evidence, samples=1):
        """Draw both groups, the upper one first."""
        z1 = self.posterior.top(evidence.x).rsample((samples,))
        return self.latents_at(evidence, z1, self._below(z1, evidence.x).rsample())

    def latents_at(self, evidence, *z):
        """Return both groups at given values."""
        z1, z2 = z
        top = Latent(z1, self.posterior.top(evidence.x), self.prior.top())
        return top, Latent(z2, self._below(z1, evidence.x), self.prior.below(z1))

    def posteriors(self, x, *context):
        """Return q of both groups at the points above."""
        q = self.posterior.top(x)
        return q, self.posterior.below(torch.cat([point(q), x], -1))

    def prior_sample(self, n, *context, temperature=1.0):
        """Draw both groups from the prior."""
        z1 = _drawn(self.prior.top(), n, temperature)
        return z1, _drawn(self.prior.below(z1), n, temperature)

    @property
    def first_prior(self):
        """The module p(z1)."""
        return self.prior.top

    def place_prior(self, prior):
        """Put another prior in the place of p(z1)."""
        self.prior.top = prior

    def decode(self, *z, context=()):
        """Return p(x | z2)."""
        return self.likelihood(z[1])

    def _below(self, z1, x):
        return self.posterior.below(torch.cat([z1, x.expand(*z1.shape[:-1], x.shape[-1])], -1))


class Seen:
    """The data that posteriors are given."""

    def __init__(self, x):
        self.x, self.context = x, ()


def _drawn(p, n, temperature):
    if temperature == 0:
        return point(p).expand(n, *p.event_shape)
    return draw_prior(p if temperature == 1 else temper(p, temperature), n)


# --- one reader


class BitReading(Reading):
    """How binary strings are opened: a file with one on each line, and its label behind a space."""

    kind: Literal["bits"] = "bits"
    first: int | None = None
    """How many strings to read; null for all."""

    def read(self, source, schema, *, own):
        """Read a file of strings."""
        from pathlib import Path

        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {source!r}; check the path")
        return self.convert(path.read_text().split("\n")[: self.first], schema)

    def convert(self, found, schema=None):
        """Make a data set of strings."""
        lines = [line.split() for line in found if line.strip()]
        if len({len(line[0]) for line in lines}) != 1 or any(set(line[0]) - set("01") for line in lines):
            raise ValueError("binary strings have one length and hold 0 and 1 only; mend the others")
        values = torch.tensor([[int(bit) for bit in line[0]] for line in lines], dtype=torch.uint8)
        labels = [line[1] for line in lines if len(line) > 1]
        classes = tuple(sorted(set(labels))) if len(labels) == len(lines) else ()
        codes = torch.tensor([classes.index(name) for name in labels]) if classes else None
        found = BitSchema(length=values.shape[1], classes=classes)
        return Dataset(values, found, split_by_content(values), labels=codes, classes=classes, source="bits")


class Bits(Modality):
    """Binary strings."""

    kind = "bits"
    words = Words("string", "strings", "bit", "a list of strings")
    reads = "binary strings: a file .bits"
    reading = BitReading
    description = BitsVAE
    schema = BitSchema

    def claims(self, source, keys):
        """Say whether this is a file of strings."""
        return source.endswith(".bits")

    def holds(self, found):
        """Say whether this is a list of strings of zeros and ones."""
        return isinstance(found, list) and all(isinstance(x, str) and set(x) <= set("01") for x in found)

    def choose(self, data, keys, situation):
        """Return the description that suits."""
        reason = "half as many as there are bits"
        chosen = [] if "latent" in keys else [Choice(key="latent", value=data.schema.length // 2, reason=reason)]
        wanted = {**{choice.key: choice.value for choice in chosen}, **keys, "length": data.schema.length}
        return BitsVAE.model_validate(wanted), tuple(chosen)


# --- one medium


class BitMedium(Medium):
    """Strings: lines."""

    kind = "bits"

    def facts(self, schema):
        """Return the length."""
        return f"strings of {schema.length} bits"

    def size(self, brief, event):
        """Return the length."""
        return f"{brief['length']} bits"

    def write(self, output, place):
        """Print strings, or write them to a file."""
        if place.out is None:
            return Answer({"strings": output.shown}, list(output.shown))
        place.out.write_text("".join(f"{text}\n" for text in output.shown))
        return Answer({"out": str(place.out)}, [str(place.out)])

    def exhibits(self, run, result, held_out, deadline):
        """Yield some samples."""
        rows = [[text] for text in run.sample(5)]
        yield Exhibit(exhibit("Samples", "Drawn from the prior.", verbatim(("String",), rows)))

    def commands(self, run, path):
        """Return what can be typed next."""
        return [f"vaekit sample {path} -n 5"]


def exact_evidence(model, x, points=400, width=8.0):
    """Return log p(x) of strings `(N, T)` under a flat model of one latent, by quadrature."""
    z = torch.linspace(-width, width, points, dtype=torch.float64).unsqueeze(1)
    log_p = Independent(torch.distributions.Normal(torch.zeros(1), 1.0), 1).log_prob(z)
    table = model.decode(z.float().unsqueeze(1)).log_prob(x).double()
    return torch.logsumexp(table + log_p.unsqueeze(1), 0) + torch.log(z[1, 0] - z[0, 0])


def all_strings(length):
    """Return every string of a length, `(2^T, T)`."""
    return one_hot(torch.arange(2), 2).new_tensor([[int(bit) for bit in f"{i:0{length}b}"] for i in range(2**length)])
