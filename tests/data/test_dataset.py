from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vaekit.data.dataset import Dataset, ImageSchema, observe_images

SCHEMA = ImageSchema(height=28, width=28, channels=1, levels=256, low=0, high=255, binary=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"height": 32}, "height: the model expects 28, the data has 32; use size=28x28"),
        ({"width": 32}, "width: .*use size=28x28"),
        ({"channels": 3}, "channels: the model expects 1, the data has 3"),
    ],
)
def test_data_that_do_not_fit_are_named_with_the_cure(changes, said):
    with pytest.raises(ValueError, match=said):
        SCHEMA.check(SCHEMA.replace(**changes))


@pytest.mark.parametrize(
    "changes", [{"levels": 17}, {"levels": None}, {"low": 3}, {"high": 9}, {"binary": True}, {"classes": ("a",)}]
)
def test_what_may_differ(changes):
    SCHEMA.check(SCHEMA.replace(**changes))


def test_a_schema_survives_json():
    schema = SCHEMA.replace(classes=("a", "b"))
    assert ImageSchema.model_validate_json(schema.model_dump_json()) == schema
    assert hash(schema) == hash(schema.replace())


def test_binary_is_a_matter_of_the_training_data():
    values = torch.tensor([0, 7, 0, 9], dtype=torch.uint8).reshape(4, 1, 1, 1)
    assert observe_images(values, torch.tensor([0, 0, 0, 2]), 256).binary
    assert not observe_images(values, torch.tensor([0, 0, 0, 0]), 256).binary
    assert not observe_images(values, torch.tensor([0, 2, 0, 2]), 256).binary


def test_the_range_of_floats_is_observed():
    schema = observe_images(torch.tensor([-1.5, 0, 3]).reshape(3, 1, 1, 1), torch.zeros(3), None)
    assert (schema.low, schema.high, schema.levels, schema.binary) == (-1.5, 3, None, False)


def make(**changes):
    dataset = Dataset(torch.arange(12).reshape(4, 3), None, torch.tensor([0, 1, 2, 0], dtype=torch.int8))
    return replace(dataset, **changes)


def test_parts():
    assert [make().part(name).tolist() for name in ("train", "validation", "test", "all")] == [
        [0, 3],
        [1],
        [2],
        [0, 1, 2, 3],
    ]
    assert make().part("train").dtype == torch.int64
    assert len(make()) == 4
    with pytest.raises(ValueError, match="a part is one of train, validation, test or all"):
        make().part("valid")


def test_the_fingerprint_is_that_of_values_and_split():
    fingerprint = make().fingerprint
    assert len(fingerprint) == 64
    assert fingerprint == make(source="elsewhere", notes=("seen",)).fingerprint
    others = {
        make(values=torch.arange(12).reshape(4, 3) + 1).fingerprint,
        make(values=torch.arange(12).reshape(4, 3).float()).fingerprint,
        make(values=torch.arange(12).reshape(4, 3, 1)).fingerprint,
        make(split=torch.tensor([0, 1, 0, 0], dtype=torch.int8)).fingerprint,
    }
    assert len(others | {fingerprint}) == 5


@pytest.mark.parametrize("changes", [{"split": torch.zeros(3)}, {"labels": torch.zeros(5)}, {"names": ("a",)}])
def test_columns_have_one_entry_for_each_row(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))} must have one entry for each of the 4 rows"):
        make(**changes)


def test_rows_are_drawn_blind_to_how_the_data_lie():
    split = torch.tensor([0] * 60 + [2] * 40, dtype=torch.int8)
    data = Dataset(torch.arange(100), None, split)
    few = data.drawn("test", 20)
    assert set(few.tolist()) < set(range(60, 100)) and few.tolist() != sorted(few.tolist())
    assert torch.equal(few, data.drawn("test")[:20]) and sorted(data.drawn("test").tolist()) == list(range(60, 100))
