"""The laws of values: frozen, hashable, the same after a round trip through JSON."""

import pytest
from pydantic import TypeAdapter, ValidationError

from laws.members import VALUES, members, name
from vaekit.heads import Scale
from vaekit.objectives import ELBO, AnyObjective
from vaekit.schedules import Constant, Cyclical, Linear, Schedule

every_value = pytest.mark.parametrize("value", VALUES, ids=name)


@every_value
def test_json_round_trip(value):
    again = type(value).model_validate_json(value.model_dump_json())
    assert again == value and type(again) is type(value)
    assert type(value).model_validate(value.model_dump()) == value


@every_value
def test_hashable_and_frozen(value):
    twin = type(value).model_validate(value.model_dump())
    assert hash(twin) == hash(value) and len({value, twin}) == 1
    field = next(iter(type(value).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, field, getattr(value, field))


@every_value
def test_a_mistyped_key_is_refused(value):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        type(value).model_validate({**value.model_dump(), "scalle": 1})


@every_value
def test_replace_validates_and_leaves_the_original(value):
    assert value.replace() == value
    with pytest.raises(ValidationError):
        value.replace(no_such_key=1)


@every_value
def test_every_key_says_what_it_is(value):
    fields = type(value).model_fields
    assert all(field.description or key == "kind" for key, field in fields.items())


@pytest.mark.parametrize(
    ("union", "raw", "expected"),
    [
        (Schedule, 4, Constant(value=4.0)),
        (Schedule, 0.5, Constant(value=0.5)),
        (Schedule, {"kind": "linear", "steps": 7}, Linear(steps=7)),
        (Schedule, {"kind": "cyclical"}, Cyclical()),
        (AnyObjective, {"kind": "elbo", "beta": 4}, ELBO(beta=4.0)),
    ],
)
def test_unions_tell_their_members_apart(union, raw, expected):
    assert TypeAdapter(union).validate_python(raw) == expected


@pytest.mark.parametrize(
    ("union", "raw"), [(Schedule, True), (Schedule, -1), (Schedule, {"kind": "step"}), (Scale, {"kind": "no"})]
)
def test_unions_refuse_strangers(union, raw):
    with pytest.raises(ValidationError):
        TypeAdapter(union).validate_python(raw)


@pytest.mark.parametrize("beta", [float("inf"), float("nan")])
def test_what_json_lacks_is_refused(beta):
    with pytest.raises(ValidationError):
        ELBO(beta=beta)


@pytest.mark.parametrize("union", [Scale, Schedule, AnyObjective], ids=["scale", "schedule", "objective"])
def test_unions_find_every_member_by_its_kind(union):
    adapter = TypeAdapter(union)
    values = [value for value in VALUES if type(value) in members(union)]
    assert len(values) >= len(members(union))
    for value in values:
        assert adapter.validate_json(value.model_dump_json()) == value
