"""The first pass over a folder of images: headers only, to know size and channels before anything is decoded.

A broken file must not decide the size or the channels of all the others, so a file whose header differs from the
commonest is decoded once to see whether it is whole, as are files with an alpha channel, to see whether it is used.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import TypeVar

from vaekit.data.dataset import Quarantined
from vaekit.data.decode import Header, Target, decode, read_header
from vaekit.data.resize import Fit
from vaekit.data.rows import Array

__all__ = ["Survey", "attempts", "check_share", "decode_all", "describe_conversions", "survey"]

Result = TypeVar("Result")

FEW, SHARE = 20, 0.05
"""The largest share of unusable files in a folder of at least `FEW` images; half of them in a smaller one."""

GROUP, GROUP_BYTES = 256, 2**28
"""The largest number of files, and of decoded bytes, that are worked on at a time."""


@dataclass(frozen=True)
class Survey:
    """The images of a folder, and the form that all of them get.

    Args:
        headers: The files that look usable.
        quarantine: The others.
        size: The height and width of all images in the end.
        target: How they are decoded.
        translucent: The files whose alpha channel is used.
    """

    headers: tuple[Header, ...]
    quarantine: tuple[Quarantined, ...]
    size: tuple[int, int]
    target: Target
    translucent: frozenset[str]


def survey(
    root: Path, names: Sequence[str], size: tuple[int, int] | None, fit: Fit, channels: int | None = None
) -> Survey:
    """Read all headers, and choose the channels and the size.

    Args:
        root: The folder.
        names: The files, relative to it.
        size: The height and width wanted, None to keep the one that all images have.
        fit: How images of another shape come to `size`.
        channels: The number of channels wanted; None for as many as all images need.

    Raises:
        ValueError: If too many files are unusable, or the images differ in size and no `size` is given.
    """
    found = list(attempts(lambda name: read_header(root, name), names))
    headers = [header for header in found if isinstance(header, Header)]
    sizes = Counter((header.height, header.width) for header in headers)
    if size is None and not _are_few(len(headers) - max(sizes.values(), default=0), len(names)):
        _common_size(headers)  # refuses them: even if all others were broken they would be too many
    doubtful = _doubtful(headers, sized=size is not None)
    checked = dict(zip(doubtful, attempts(lambda name: decode(root / name).shape[2], doubtful), strict=True))
    quarantine = [bad for bad in (*found, *checked.values()) if isinstance(bad, Quarantined)]
    check_share(len(names), quarantine)
    broken = {bad.name for bad in quarantine}
    headers = [header for header in headers if header.name not in broken]
    translucent = frozenset(name for name, channels in checked.items() if channels == 4)
    colored = any(not header.is_grey for header in headers)
    channels = channels or (4 if translucent else 3 if colored else 1)
    target = Target(channels, size, fit, deep=channels == 1 and any(header.is_deep_grey for header in headers))
    return Survey(tuple(headers), tuple(quarantine), size or _common_size(headers), target, translucent)


def decode_all(root: Path, found: Survey) -> Iterator[Array | Quarantined]:
    """Decode the images of a survey in order, shape (H, W, C); yield a reason for those that fail."""
    names = [header.name for header in found.headers]
    # Results wait for their turn, so there are fewer of them at a time where images are large.
    group = max(1, min(GROUP, GROUP_BYTES // (prod(found.size) * found.target.channels)))
    return attempts(lambda name: _sized(decode(root / name, found.target), found.size), names, group)


def check_share(count: int, quarantine: Sequence[Quarantined], kind: str = "images") -> None:
    """Check that few enough of `count` files are unusable.

    Raises:
        ValueError: If they are more than 5 % (half of fewer than 20 files); the first few are named.
    """
    if _are_few(len(quarantine), count):
        return
    reasons = (bad.reason if bad.name in bad.reason else f"{bad.name}: {bad.reason}" for bad in quarantine)
    first = "; ".join(islice(reasons, 3))
    raise ValueError(
        f"at most {'5 %' if count >= FEW else 'half'} of the {kind} may be unusable, but {len(quarantine)} of {count} are"
        f" ({first}{'; ...' if len(quarantine) > 3 else ''}); repair or remove them"
    )


def _are_few(unusable: int, count: int) -> bool:
    return unusable <= (SHARE if count >= FEW else 0.5) * count


def describe_conversions(found: Survey, names: Sequence[str]) -> tuple[str, ...]:
    """Describe in sentences how images were converted to one form; `names` are those that could be decoded."""
    decoded = set(names)
    headers = [header for header in found.headers if header.name in decoded]
    target = found.target
    grey = sum(header.is_grey for header in headers) if target.channels > 1 else 0
    opaque = sum(header.alpha and header.name not in found.translucent for header in headers)
    palette = sum(header.mode in ("P", "PA") for header in headers)
    other = sum(header.mode in ("CMYK", "YCbCr", "LAB", "HSV") for header in headers)
    resized = sum((header.height, header.width) != found.size for header in headers)
    color = sum(not header.is_grey for header in headers) if target.channels == 1 else 0
    translucent = sum(header.name in found.translucent for header in headers) if target.channels != 4 else 0
    bare = sum(not (header.alpha or header.is_grey) for header in headers) if target.channels == 4 else 0
    mode = "RGBA" if target.channels == 4 else "RGB"
    sentences = (
        (grey, f"grey: expanded to {mode}"),
        (bare, "without transparency: made opaque"),
        (color, "in color: converted to grey"),
        (translucent, "with transparency: it was dropped"),
        (palette, f"with a palette: expanded to {mode}"),
        (other, f"in another color space: converted to {mode}"),
        (opaque if target.channels != 4 else 0, "with an alpha channel that is opaque throughout: it was dropped"),
        (0 if target.deep else sum(header.deep for header in headers), "of 16 bits: reduced to 8 bits"),
        (sum(not header.deep for header in headers) if target.deep else 0, "of 8 bits: spread over 16 bits"),
        (sum(header.turned for header in headers), "turned upright as their EXIF says"),
        (sum(header.several for header in headers), "with several frames or pages: the first is read"),
        (resized, f"resized to {_text(found.size)}"),
    )
    return tuple(f"{count} of {len(headers)} images {what}" for count, what in sentences if count)


def _doubtful(headers: Sequence[Header], *, sized: bool) -> list[str]:
    def look(header: Header) -> tuple[object, ...]:
        return (header.is_grey, *(() if sized else (header.height, header.width)))

    common = Counter(look(header) for header in headers).most_common(1)
    return [header.name for header in headers if header.alpha or look(header) != common[0][0]]


def _common_size(headers: Sequence[Header]) -> tuple[int, int]:
    sizes = Counter((header.height, header.width) for header in headers).most_common()
    if len(sizes) == 1:
        return sizes[0][0]
    counts = ", ".join(f"{_text(size)} ({count})" for size, count in sizes[:5]) + (", ..." if len(sizes) > 5 else "")
    raise ValueError(f"images must have one size, but {len(sizes)} sizes came: {counts}; use size={_text(sizes[0][0])}")


def _sized(pixels: Array, size: tuple[int, int]) -> Array:
    if pixels.shape[:2] != size:
        raise ValueError(f"its header does not tell its size, which is {pixels.shape[0]}x{pixels.shape[1]}")
    return pixels


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def attempts(work: Callable[[str], Result], names: Sequence[str], group: int = GROUP) -> Iterator[Result | Quarantined]:
    """Yield what becomes of each file, in order: the result of the work, or the reason why the file cannot be used.

    Args:
        work: What is done with a file, by its name.
        names: The names of the files.
        group: How many files are worked on at a time.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(names), group):
            yield from pool.map(lambda name: _attempt(work, name), names[start : start + group])


def _attempt(work: Callable[[str], Result], name: str) -> Result | Quarantined:
    try:
        return work(name)
    except Exception as error:  # hostile files make Pillow raise anything, from SyntaxError to struct.error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).split("\n")[0]
        return Quarantined(name, reason or type(error).__name__)
