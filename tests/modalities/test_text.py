"""How texts enter a model, what their description holds and builds, and what it refuses."""

import pytest
import torch
from pydantic import ValidationError

from vaekit.data import images_from_arrays, texts_to_dataset
from vaekit.heads import GMM, Floored, Full, Vamp, VonMisesFisher
from vaekit.interfaces.describing.experiment import Experiment
from vaekit.interfaces.describing.planning import plan
from vaekit.modalities import ImageVAE, TextVAE, TextView, modality_named
from vaekit.nets import MLP, CausalConv, Recurrent, Transformer
from vaekit.schedules import Linear

SMALL = Recurrent(embedding=6, hidden=8)
TEXTS = ["anna", "bob", "cleo", "dana", "eve"] * 8

DESCRIPTIONS = [
    {},
    {"model": "lm"},
    {"net": Transformer(width=8, heads=2, layers=1), "tie": True},
    {"net": CausalConv(width=8, dilations=(1, 2)), "skip": True},
    {"decoder": CausalConv(width=8, dilations=(1, 2)), "word_dropout": 0.3},
    {"posterior": Full(), "prior": GMM(components=3)},
    {"posterior": VonMisesFisher()},
    {"posterior": Floored(rate=0.2), "recipe": "delta"},
    {"condition": "label", "context": 2, "teacher_forcing": Linear(start=0.5, steps=9)},
]
every_description = pytest.mark.parametrize("keys", DESCRIPTIONS, ids=str)


def described(**keys):
    return TextVAE(**{"vocabulary": 11, "length": 6, "latent": 3, "net": SMALL, **keys})


@every_description
def test_a_description_comes_back_from_json_and_builds_the_same_modules(keys):
    description = described(**keys)
    again = TextVAE.model_validate_json(description.model_dump_json())
    assert again == description and hash(again) == hash(description)
    shapes = [[tuple(w.shape) for w in one.build().parameters()] for one in (description, again)]
    assert shapes[0] == shapes[1]


@every_description
def test_an_experiment_comes_back_from_json(keys):
    data = texts_to_dataset(TEXTS, [text < "c" for text in TEXTS], tokenizer="char", length=6)
    model = described(**{**keys, "vocabulary": data.schema.vocabulary})
    experiment = plan(data, modality_named("text").opened({"source": "names-demo"}), {}, "fast", model)
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_a_description_that_was_given_stands():
    data = texts_to_dataset(TEXTS, tokenizer="char", length=6)
    model = described(vocabulary=data.schema.vocabulary, latent=5)
    experiment = plan(data, modality_named("text").opened(), {}, "best", model)
    assert experiment.model == model.replace(recipe="vae") and experiment.objective.kind == "elbo"


def test_rows_become_integers_and_their_size_is_that_of_what_is_said():
    data = texts_to_dataset(["ab", "abcdef", "a"] * 3, tokenizer="char", length=5)
    model = described(vocabulary=data.schema.vocabulary, length=5)
    view = TextView(model, data.schema)
    x = view.prepare(data.values)
    assert x.dtype is torch.int64 and x.shape == (9, 5)
    assert view.sizes(x).tolist() == [3, 5, 2] * 3
    assert (model.measure, model.warnings) == ("counting", ())
    assert view.log_jacobian(torch.ones(2, 3)).tolist() == [0.0, 0.0]
    assert view.decode(x) == data.schema.decode(x)


def test_data_that_do_not_suit_are_refused_with_the_cure():
    data = texts_to_dataset(TEXTS, tokenizer="char", length=6)
    fitting = described(vocabulary=data.schema.vocabulary)
    fitting.check(data)
    with pytest.raises(ValueError, match="the model is one of texts, but the data are not; give texts"):
        fitting.check(images_from_arrays(torch.zeros(4, 3, 3).byte().numpy()))
    for wrong in ({"vocabulary": 99}, {"length": 3}):
        with pytest.raises(ValueError, match=r"the model is one of texts with vocabulary=\d+ and length=\d, but"):
            fitting.replace(**wrong).check(data)
    pictures = ImageVAE(shape=(1, 3, 3), latent=2, net=MLP(widths=(4,)))
    with pytest.raises(ValueError, match="the model is one of images"):
        pictures.check(data)


def test_labels_become_the_context_of_a_conditional_model_and_missing_ones_are_named():
    labeled = texts_to_dataset(TEXTS, [text[0] for text in TEXTS], tokenizer="char", length=6)
    keys = {"condition": "label", "context": 5, "vocabulary": labeled.schema.vocabulary}
    settled = TextView(described(**keys), labeled.schema).settle(labeled)
    assert settled.context.argmax(1).tolist() == labeled.labels.tolist()
    plain = described(vocabulary=labeled.schema.vocabulary)
    assert TextView(plain, labeled.schema).settle(labeled).context is None
    with pytest.raises(ValueError, match="condition=label needs data with the 5 classes of training, found none"):
        TextView(described(**keys), labeled.schema).settle(texts_to_dataset(TEXTS, tokenizer="char", length=6))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"vocabulary": 4}, "greater than or equal to 5"),
        ({"length": 0}, "greater than or equal to 1"),
        ({"latent": 0}, "greater than or equal to 1"),
        ({"latent": 10**9}, "less than or equal to"),
        ({"word_dropout": 1.5}, "less than or equal to 1"),
        ({"model": "gan"}, "'vae' or 'lm'"),
        ({"prior": Vamp()}, "prior=vamp learns pseudo-inputs by gradient, which tokens have none of; use prior=gmm"),
        ({"net": MLP()}, "does not match any of the expected tags|Input should be"),
        ({"likelihood": {"kind": "bernoulli"}}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        described(**keys)


def test_a_prior_lives_where_the_posterior_does():
    assert described(posterior=VonMisesFisher()).prior.kind == "uniform_sphere"
    with pytest.raises(ValidationError, match="prior"):
        described(posterior=VonMisesFisher(), prior=GMM())


def test_the_language_model_has_no_encoder_and_one_latent_that_nobody_reads():
    language_model = described(model="lm", latent=7).build()
    assert not list(language_model.posterior.parameters()) and not list(language_model.prior.parameters())
    whole = sum(weight.numel() for weight in described(latent=7).build().likelihood.parameters())
    assert sum(weight.numel() for weight in language_model.likelihood.parameters()) < whole
    x = torch.randint(3, 11, (4, 6))
    trace = language_model(x, samples=3)
    assert trace.latents[0].z.shape == (3, 4, 1) and not trace.kl.any()
    assert torch.equal(trace.log_likelihood[0], trace.log_likelihood[2])
    labeled = described(model="lm", condition="label", context=2).build()
    first, second = (labeled(x, torch.eye(2)[[i] * 4]).log_likelihood for i in (0, 1))
    assert not torch.equal(first, second)
