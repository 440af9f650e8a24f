"""The sprites: every combination once, whole, where its factors say."""

from dataclasses import replace

import pytest
import torch

from vaekit.data import read_images
from vaekit.data.sprites import FACTORS, draw_sprites


@pytest.fixture(scope="module")
def sprites():
    return read_images("Sprites")


@pytest.fixture(scope="module")
def ink(sprites):
    """The share of each pixel that is covered, in sixteenths, `(N, H, W)`."""
    return (sprites.values[..., 0].double() * 16 / 255).round()


def test_every_combination_is_drawn_once_and_looks_like_no_other(sprites):
    assert (sprites.values.shape, sprites.values.dtype) == ((9600, 32, 32, 1), torch.uint8)
    assert sprites.factor_names == tuple(FACTORS)
    assert [len(column.unique()) for column in sprites.factors.T] == list(FACTORS.values())
    assert len(sprites.factors.unique(dim=0)) == 9600
    assert len(sprites.values.flatten(1).unique(dim=0)) == 9600


def test_it_is_the_same_each_time_and_split_by_content(sprites):
    assert draw_sprites().fingerprint == sprites.fingerprint
    assert 850 < len(sprites.part("test")) < 1100


def test_the_shape_is_the_label(sprites):
    assert sprites.classes == ("square", "ellipse", "heart")
    assert torch.equal(sprites.labels, sprites.factors[:, 0])


def test_edges_are_smooth_and_no_shape_is_cut(sprites, ink):
    assert len(sprites.values.unique()) == 17
    per_drawing = ink.sum((1, 2)).view(-1, FACTORS["position x"] * FACTORS["position y"])
    assert torch.equal(per_drawing, per_drawing[:, :1].expand_as(per_drawing))  # the same ink wherever it stands


def test_squares_and_ellipses_have_the_areas_of_geometry(sprites, ink):
    for shape, area in (("square", 2.0), ("ellipse", torch.pi / 2)):
        for scale, radius in enumerate((4.5, 5.5, 6.5, 7.5)):
            drawn = (sprites.factors[:, 0] == sprites.classes.index(shape)) & (sprites.factors[:, 1] == scale)
            assert ink[drawn].sum((1, 2)).mean() / 16 == pytest.approx(area * radius**2, rel=0.02)


def test_positions_are_those_of_the_center(sprites, ink):
    centered = sprites.factors[:, 0] < 2
    shapes, places = ink[centered], sprites.factors[centered]
    pixels = torch.arange(32) + 0.5
    for axis, factor in ((2, 3), (1, 4)):  # x counts columns, y rows
        profile = shapes.sum(3 - axis)
        center = (profile * pixels).sum(1) / profile.sum(1)
        assert (center - (8.125 + 1.75 * places[:, factor])).abs().max() < 0.05


def test_an_ellipse_turns_by_the_angle_that_its_factor_says(sprites, ink):
    picked = (sprites.factors[:, 0] == 1) & (sprites.factors[:, 1] == 3)
    shapes, turns = ink[picked], sprites.factors[picked, 2]
    pixels = torch.arange(32).double() + 0.5
    mass = shapes.sum((1, 2))
    x, y = ((shapes.sum(axis) * pixels).sum(1) / mass for axis in (1, 2))
    dx, dy = pixels - x.unsqueeze(1), pixels - y.unsqueeze(1)
    xx, yy = (torch.einsum("nhw,nw->n", shapes, dx**2), torch.einsum("nhw,nh->n", shapes, dy**2))
    xy = torch.einsum("nhw,nw,nh->n", shapes, dx, dy)
    angle = torch.atan2(2 * xy, xx - yy) / 2
    assert (angle - turns * torch.pi / 16).abs().max() < 0.03


def test_rows_are_taken_with_all_that_is_known_of_them(sprites):
    rows = torch.tensor([5, 4711, 5])
    taken = sprites.taken(rows)
    for name in ("values", "split", "labels", "factors"):
        assert torch.equal(getattr(taken, name), getattr(sprites, name)[rows])
    assert (taken.schema, taken.classes, taken.factor_names) == (
        sprites.schema,
        sprites.classes,
        sprites.factor_names,
    )


def test_factors_of_another_length_are_refused(sprites):
    with pytest.raises(ValueError, match="factors must have one entry for each of the 9600 rows, but has 3"):
        replace(sprites, factors=sprites.factors[:3])
