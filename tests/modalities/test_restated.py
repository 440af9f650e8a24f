"""A description that names a goal or a recipe is planned as the keys are that it stands for; one that names none as the bound."""

import pytest

from vaekit import MLP, TableVAE, TextVAE
from vaekit.data import read_text, table_to_dataset
from vaekit.heads import GMM
from vaekit.interfaces.describing.planning import plan
from vaekit.modalities import RECIPES, modality_named
from vaekit.modalities.table.choices import GOALS
from vaekit.nets import ColumnTransformer, Recurrent
from vaekit.value import Value

COLUMNS = {"age": [20 + i % 40 for i in range(90)], "job": ["cook", "clerk", "nurse"] * 30}
QUICK = {"steps": 30, "batch": 16}


@pytest.fixture(scope="module")
def table():
    return table_to_dataset(COLUMNS)


@pytest.fixture(scope="module")
def texts():
    return read_text("names-demo")


def planned(data, model=None, objective=None, **keys):
    """Return the experiment of a description, or of keys of the model."""
    kind = data.schema.kind
    given = {"model": keys, "training": QUICK, "objective": objective or {}}
    return plan(data, modality_named(kind).opened(), given, "fast", model)


def part(value):
    """Return the keys that name a part."""
    return {"kind": value.kind, **value.model_dump(exclude_unset=True)}


@pytest.mark.parametrize(
    "keys",
    [{}, {"latent": 3, "hide": 0.2}, {"prior": GMM(components=2)}, {"net": ColumnTransformer(width=8, heads=2)}],
    ids=str,
)
@pytest.mark.parametrize("goal", GOALS)
def test_a_goal_plans_what_its_key_plans(table, goal, keys):
    described = planned(table, TableVAE(slots=table.schema.slots, goal=goal, **keys))
    typed = {name: part(value) if isinstance(value, Value) else value for name, value in keys.items()}
    assert described == planned(table, goal=goal, **typed)
    assert described.model.goal == goal and not {"net", "prior"} & {choice.key for choice in described.choices} & set(
        keys
    )


@pytest.mark.parametrize("keys", [{}, {"latent": 3, "word_dropout": 0.2}], ids=str)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_plans_what_its_key_plans(texts, recipe, keys):
    schema = texts.schema
    described = planned(texts, TextVAE(vocabulary=schema.vocabulary, length=schema.length, recipe=recipe, **keys))
    assert described == planned(texts, recipe=recipe, **keys)
    assert described.model.recipe == recipe


def test_what_a_goal_or_a_recipe_stands_for_reaches_objective_and_training(table, texts):
    imputing = planned(table, TableVAE(slots=table.schema.slots, goal="imputation"))
    assert (imputing.objective.kind, imputing.objective.samples, imputing.model.hide) == ("iwae", 5, 0.1)
    synthesis = planned(table, TableVAE(slots=table.schema.slots, goal="synthesis"))
    assert (synthesis.objective.beta.value, synthesis.training.second_stage) == (0.1, "choose")
    schema = texts.schema
    pretrained = planned(texts, TextVAE(vocabulary=schema.vocabulary, length=schema.length, recipe="pretrain"))
    assert pretrained.training.phases


def test_parts_that_are_given_with_a_goal_or_a_recipe_stand(table, texts):
    net = MLP(widths=(7,), norm="none")
    goal = planned(table, TableVAE(slots=table.schema.slots, goal="imputation", net=net))
    assert (goal.model.net.widths, goal.model.net.norm) == ((7,), "none")
    keys = {"vocabulary": texts.schema.vocabulary, "length": texts.schema.length}
    recipe = planned(texts, TextVAE(**keys, recipe="anneal", net=Recurrent(hidden=6, embedding=5)))
    assert (recipe.model.net.hidden, recipe.model.net.embedding) == (6, 5)
    other = planned(texts, TextVAE(**keys, recipe="anneal"), {"kind": "iwae", "samples": 3})
    assert (other.objective.kind, other.objective.samples) == ("iwae", 3)


def test_without_a_goal_or_a_recipe_a_description_is_the_bound_alone_and_says_so(table, texts):
    rows = TableVAE(slots=table.schema.slots, latent=3)
    found = planned(table, rows)
    assert found.model == rows.replace(goal="density")
    assert (found.objective.kind, found.objective.beta.value, found.training.second_stage) == ("elbo", 1.0, "none")
    words = TextVAE(vocabulary=texts.schema.vocabulary, length=texts.schema.length, latent=3)
    found = planned(texts, words)
    assert found.model == words.replace(recipe="vae")
    assert (found.objective.kind, found.objective.free_bits.nats) == ("elbo", 0.0)


def test_what_was_planned_is_planned_again_as_it_is(table):
    once = planned(table, goal="imputation")
    again = planned(table, once.model, once.objective.model_dump())
    assert (again.model, again.objective) == (once.model, once.objective)
