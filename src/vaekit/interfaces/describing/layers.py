"""The layers of a model and their parameters, in few words."""

from __future__ import annotations

from typing import Any

from torch import nn

from vaekit.models import LatentVariableModel
from vaekit.nets import parameter_count
from vaekit.objectives import Objective

__all__ = ["layer_table", "layers", "no_bound_note", "words"]


def layers(model: LatentVariableModel) -> list[dict[str, Any]]:
    """Return a row for each layer with parameters, with its side, name, type and their number; and a row for each side."""
    rows: list[dict[str, Any]] = []

    def add(side: str, name: str, layer: str, count: int) -> None:
        if count:
            rows.append({"side": side, "name": name, "layer": layer, "parameters": count})

    for side, part in (("prior", model.prior), ("encoder", model.posterior), ("decoder", model.likelihood)):
        for name, module in part.named_modules():
            count = sum(p.numel() for p in module.parameters(recurse=False))
            add(side, name or type(part).__name__, words(module), count)
        add(side, "", "all", parameter_count(part))
    return rows


def layer_table(rows: list[dict[str, Any]]) -> Any:
    """Return the rows as a table for the terminal: each side is named once, and its total is bold."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("side", no_wrap=True, min_width=7)
    # In a narrow terminal the names are cut off.
    table.add_column("name", overflow="ellipsis")
    table.add_column("layer", no_wrap=True, min_width=max((len(row["layer"]) for row in rows), default=0))
    table.add_column("parameters", justify="right", no_wrap=True)
    side = ""
    for row in rows:
        first = "" if row["side"] == side else row["side"]
        style = None if row["name"] else "bold"
        table.add_row(first, row["name"], row["layer"], f"{row['parameters']:,}", style=style)
        side = row["side"]
    return table


def no_bound_note(objective: Objective) -> list[str]:
    """Return a sentence on an objective whose loss is no bound on -log p(x); an empty list for a bound."""
    return [] if objective.is_bound else [objective.what_it_is]


def words(module: nn.Module) -> str:
    """Describe a layer in words.

    Examples:
        >>> words(nn.Linear(64, 256)), words(nn.Conv2d(3, 32, 3, stride=2, padding=1))
        ('Linear 64 -> 256', 'Conv2d 3 -> 32, 3x3, stride 2')
    """
    name = type(module).__name__
    match module:
        case nn.Linear():
            return f"{name} {module.in_features} -> {module.out_features}"
        case nn.Conv2d() | nn.ConvTranspose2d():
            stride = f", stride {_sides(module.stride)}" if set(module.stride) != {1} else ""
            kernel = _sides(module.kernel_size, both=True)
            return f"{name} {module.in_channels} -> {module.out_channels}, {kernel}{stride}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return f"{name} {module.num_features}"
        case nn.GroupNorm():
            return f"{name} {module.num_channels}, {module.num_groups} groups"
        case nn.LayerNorm():
            return f"{name} {'x'.join(map(str, module.normalized_shape))}"
        case nn.ParameterDict():
            return f"shared {', '.join(module.keys())}"
        case nn.Embedding():
            return f"{name} {module.num_embeddings} -> {module.embedding_dim}"
        case nn.RNNBase():
            both = ", both ways" if module.bidirectional else ""
            return f"{name} {module.input_size} -> {module.hidden_size}, {module.num_layers} deep{both}"
    # A user's own module: the first line of its repr.
    return str(module).splitlines()[0].rstrip("(")


def _sides(sizes: tuple[int, ...], *, both: bool = False) -> str:
    return "x".join(map(str, sizes)) if both or len(set(sizes)) > 1 else str(sizes[0])
