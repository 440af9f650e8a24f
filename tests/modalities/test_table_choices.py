"""What is chosen for tables, always with a reason; what a goal stands for; and what was asked for, which stands."""

import numpy as np
import pytest
import torch

from vaekit.data import table_to_dataset
from vaekit.modalities import TableVAE
from vaekit.modalities.table.choices import GOALS, choose_table_model, with_goal
from vaekit.nets import parameter_count

RNG = np.random.default_rng(0)
NUMBERS = {f"n{i}": RNG.normal(size=200) for i in range(3)}
MIXED = {**NUMBERS, "city": list(RNG.choice(["a", "b", "c"], 200)), "yes": list(RNG.choice(["no", "yes"], 200))}


def schema(columns, **keys):
    return table_to_dataset(columns, **keys).schema


def choose(found, given=None, count=10_000, **options):
    model, choices = choose_table_model(found, given or {}, count=count, **options)
    assert all(choice.reason for choice in choices)
    assert len({choice.key for choice in choices}) == len(choices)
    return model, {choice.key: choice for choice in choices}


@pytest.mark.parametrize("columns", [NUMBERS, MIXED], ids=["numbers", "mixed"])
@pytest.mark.parametrize("preset", ["fast", "balanced", "best"])
def test_the_model_fits_the_data_and_every_choice_is_told(columns, preset):
    found = schema(columns)
    model, choices = choose(found, preset=preset)
    assert model.slots == found.slots
    assert set(choices) == {"net", "net.widths", "latent", "likelihood.real", "balance"}
    assert choices["latent"].value == model.latent and choices["net.widths"].value == model.net.widths
    assert TableVAE.model_validate_json(model.model_dump_json()) == model


def test_a_preset_and_the_number_of_rows_decide_how_much_is_spent():
    sizes = []
    for count, preset in ((100, "fast"), (10_000, "fast"), (10_000, "balanced"), (10_000, "best")):
        with torch.device("meta"):
            sizes.append(parameter_count(choose(schema(MIXED), count=count, preset=preset)[0].build()))
    assert sizes == sorted(set(sizes))


def test_latents_follow_the_variables_and_few_rows_hold_them_down():
    wide = schema({f"n{i}": RNG.normal(size=100) for i in range(60)})
    assert [choose(wide, count=count)[0].latent for count in (10, 1000, 10**6)] == [12, 25, 64]
    assert choose(schema({"a": NUMBERS["n0"], "b": NUMBERS["n1"]}))[0].latent == 3


@pytest.mark.parametrize(
    "net", [{"kind": "mlp", "widths": (12,)}, {"kind": "column_transformer", "width": 24}], ids=lambda net: net["kind"]
)
def test_what_was_asked_for_stands(net):
    real = {"kind": "gaussian"}
    model, choices = choose(schema(MIXED), {"net": net, "latent": 3, "hide": 0.2, "likelihood": {"real": real}})
    assert (model.latent, model.hide, model.likelihood.real.kind) == (3, 0.2, "gaussian")
    assert {key: getattr(model.net, key) for key in net} == net
    assert choices["likelihood.real"].reason == "as it was set"
    assert not {"net", "latent", "net.widths"} & set(choices)


def test_a_lopsided_model_is_told():
    names = schema({"a": [f"w{i % 60}" for i in range(3000)], "b": RNG.normal(size=3000)})
    _, choices = choose(names, {"net": {"kind": "mlp", "widths": (2,)}, "latent": 2})
    assert ("one side is far larger" in choices["balance"].reason) == (not 0.5 <= float(choices["balance"].value) <= 2)


def test_classes_of_the_target_condition_the_model():
    model, _ = choose(schema(MIXED, target="city"), {"condition": "label"})
    assert (model.condition, model.context) == ("label", 3)
    assert choose(schema(MIXED, target="city"))[0].context == 0
    for target in (None, "n0"):
        with pytest.raises(
            ValueError, match="condition=label needs a categorical target: name its column with target="
        ):
            choose(schema(MIXED, target=target), {"condition": "label"})


def test_a_table_of_nothing_that_can_be_modelled_is_refused():
    columns = table_to_dataset({**NUMBERS, "same": [1.0] * 200}).schema.columns[-1:]
    nothing = schema(NUMBERS).replace(columns=columns)
    with pytest.raises(ValueError, match="no column can be modelled: all are identifiers, constants or free text"):
        choose(nothing)


@pytest.mark.parametrize("goal", GOALS)
def test_a_goal_sets_its_keys_and_is_no_choice_where_it_was_named(goal):
    sections, choice = with_goal({"model": {"goal": goal}})
    assert choice is None and sections["model"]["goal"] == goal
    for section, wanted in GOALS[goal][1].items():
        assert wanted.items() <= sections[section].items()


def test_what_is_typed_goes_before_the_goal():
    given = {"model": {"goal": "imputation", "hide": 0.2}, "objective": {"kind": "elbo"}, "training": {"steps": 7}}
    sections, _ = with_goal(given)
    assert sections["model"]["hide"] == 0.2
    assert sections["objective"] == {"kind": "elbo"} and sections["training"] == {"steps": 7}
    assert given["model"] == {"goal": "imputation", "hide": 0.2}  # the caller's keys are left alone
    stage = {"training": {"second_stage": "none"}}
    assert with_goal(stage)[0]["training"]["second_stage"] == "none"


def test_synthesis_where_nothing_is_said_and_a_goal_that_is_none():
    sections, choice = with_goal({})
    assert (choice.key, choice.value) == ("goal", "synthesis") and choice.reason
    assert sections["objective"] == {"kind": "elbo", "beta": 0.1}
    with pytest.raises(ValueError, match="goal=beauty is not one of synthesis, density, imputation"):
        with_goal({"model": {"goal": "beauty"}})
