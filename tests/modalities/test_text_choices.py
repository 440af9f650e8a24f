"""What is chosen for texts, always with a reason; and what was asked for, which stands."""

import pytest
import torch

from vaekit.data import texts_to_dataset
from vaekit.modalities import RECIPES, Pace, TextVAE
from vaekit.modalities.text.choices import choose_text_model, with_recipe
from vaekit.nets import parameter_count

PACE = Pace(per_epoch=10, steps=300)
NAMES = ["anna", "bob", "cleo", "dana"] * 9
SENTENCES = [f"{5 * f'the {color} cat sat on mat number {i} and '}slept" for i in range(60) for color in ("red", "old")]


def schema(texts, tokenizer="auto", labels=None):
    return texts_to_dataset(texts, labels, tokenizer=tokenizer).schema


def choose(found, given=None, **options):
    model, choices = choose_text_model(found, given or {}, **options)
    assert all(choice.reason for choice in choices)
    assert len({choice.key for choice in choices}) == len(choices)
    return model, {choice.key: choice for choice in choices}


@pytest.mark.parametrize("texts", [NAMES, SENTENCES], ids=["names", "sentences"])
@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_the_model_fits_the_data_and_every_choice_is_told(texts, preset):
    found = schema(texts)
    model, choices = choose(found, preset=preset)
    assert (model.vocabulary, model.length) == (found.vocabulary, found.length)
    assert set(choices) >= {"net", "latent", "balance"}
    assert choices["net"].value == model.net.kind and choices["latent"].value == model.latent
    assert TextVAE.model_validate_json(model.model_dump_json()) == model


def test_a_preset_decides_how_much_is_spent():
    for texts in (NAMES, SENTENCES):
        sizes = []
        for preset in ("fast", "balanced", "best"):
            with torch.device("meta"):
                sizes.append(parameter_count(choose(schema(texts), preset=preset)[0].build()))
        assert sizes == sorted(set(sizes))


def test_names_get_fewer_latents_than_sentences():
    assert choose(schema(NAMES))[0].latent < choose(schema(SENTENCES))[0].latent


@pytest.mark.parametrize(
    "net", [{"kind": "lstm", "hidden": 12}, {"kind": "transformer", "width": 24}, {"kind": "cnn"}], ids=str
)
def test_what_was_asked_for_stands(net):
    model, choices = choose(schema(NAMES), {"net": net, "latent": 3, "word_dropout": 0.5, "tie": True})
    assert (model.latent, model.word_dropout, model.tie) == (3, 0.5, True)
    assert {key: getattr(model.net, key) for key in net} == net
    assert not {"net", "latent", *(f"net.{key}" for key in net)} & set(choices)


def test_a_language_model_has_no_latent_to_choose():
    model, choices = choose(schema(NAMES), {"model": "lm"})
    assert model.model == "lm" and not {"latent", "balance"} & set(choices)


def test_a_lopsided_model_is_told():
    decoder = {"kind": "lstm", "hidden": 4, "embedding": 4}
    _, choices = choose(schema(NAMES), {"net": {"kind": "lstm", "hidden": 200}, "decoder": decoder})
    assert "one side is far larger" in choices["balance"].reason


def test_labels_condition_the_model_and_missing_ones_are_named():
    labeled = schema(NAMES, labels=[text[0] for text in NAMES])
    assert choose(labeled, {"condition": "label"})[0].context == 4
    assert choose(labeled)[0].context == 0
    with pytest.raises(ValueError, match="condition=label needs texts with labels: name their column with label_col"):
        choose(schema(NAMES), {"condition": "label"})


def test_free_bits_where_nothing_is_said_and_the_plain_bound_where_the_objective_is():
    sections, choice = with_recipe({}, PACE)
    assert choice.key == "recipe" and choice.reason and sections["model"]["recipe"] == choice.value
    assert sections["objective"] == RECIPES[choice.value].keys(PACE)["objective"]
    own = {"kind": "elbo", "beta": 0.3}
    sections, choice = with_recipe({"objective": own}, PACE)
    assert sections["objective"] == own and choice.value == "vae" and "the objective was set" in choice.reason


def test_a_recipe_that_was_named_is_no_choice_and_what_is_typed_goes_before_it():
    given = {"model": {"recipe": "skip"}, "objective": {"beta": 2.0}, "training": {"steps": 7}}
    sections, choice = with_recipe(given, PACE)
    assert choice is None and sections["model"]["skip"] is True
    assert sections["objective"]["beta"] == 2.0 and sections["training"] == {"steps": 7}
    assert given["model"] == {"recipe": "skip"}  # the caller's keys are left alone


@pytest.mark.parametrize(
    ("part", "kind", "recipe"),
    [
        ("posterior", "laplace", "free_bits"),
        ("prior", "diagonal", "free_bits"),
        ("posterior", "iaf", "anneal"),
        ("posterior", "vmf", "anneal"),
        ("prior", "gmm", "anneal"),
        ("prior", "flow", "anneal"),
        ("posterior", "vq", "vae"),
        ("posterior", "delta", "vae"),
    ],
)
def test_the_recipe_follows_posterior_and_prior(part, kind, recipe):
    sections, choice = with_recipe({"model": {part: {"kind": kind}}}, PACE)
    assert choice.value == sections["model"]["recipe"] == recipe
    assert recipe == "free_bits" or f"{part}={kind}" in choice.reason


def test_a_language_model_follows_the_plain_recipe():
    sections, choice = with_recipe({"model": {"model": "lm"}}, PACE)
    assert choice is None and sections["model"]["recipe"] == "vae" and not sections["objective"]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("freebits", "did you mean 'free_bits'?"),
        ("bag_of_word", "did you mean 'bag_of_words'?"),
        ("agressive", "did you mean 'aggressive'?"),
        ("zzz", "recipe=zzz is not one of vae, anneal"),
        (3, "recipe=3 is not one of"),
    ],
)
def test_an_unknown_recipe_is_one_sentence_with_the_nearest(recipe, said):
    with pytest.raises(ValueError, match=r"is not one of") as refused:
        with_recipe({"model": {"recipe": recipe}}, PACE)
    assert said in str(refused.value)
