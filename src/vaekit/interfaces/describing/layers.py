"""The layers of a model and their parameters, in few words."""

from __future__ import annotations

from typing import Any

from torch import nn

from vaekit.models import LatentVariableModel
from vaekit.nets import parameter_count
from vaekit.objectives import Objective

__all__ = ["layer_table", "layers", "no_bound_note", "words"]


def layers(model: LatentVariableModel) -> list[dict[str, Any]]:
    """Return one row per layer that holds parameters: side, name, what it is, how many; and one per side for all."""
    rows = []
    for side, part in (("prior", model.prior), ("encoder", model.posterior), ("decoder", model.likelihood)):
        for name, module in part.named_modules():
            count = sum(p.numel() for p in module.parameters(recurse=False))
            if count:
                rows.append(
                    {"side": side, "name": name or type(part).__name__, "layer": words(module), "parameters": count}
                )
        total = parameter_count(part)
        if total:
            rows.append({"side": side, "name": "", "layer": "all", "parameters": total})
    return rows


def layer_table(rows: list[dict[str, Any]]) -> Any:
    """Return the rows as a table for the terminal: each side is named once, and its total stands out."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("side", no_wrap=True, min_width=7)
    # In a narrow terminal the name is what gives way.
    table.add_column("name", overflow="ellipsis")
    table.add_column("layer", no_wrap=True, min_width=max((len(row["layer"]) for row in rows), default=0))
    table.add_column("parameters", justify="right", no_wrap=True)
    side = ""
    for row in rows:
        total = not row["name"]
        count = f"{row['parameters']:,}"
        table.add_row(
            "" if row["side"] == side else row["side"],
            row["name"],
            row["layer"],
            count,
            style="bold" if total else None,
        )
        side = row["side"]
    return table


def no_bound_note(objective: Objective) -> list[str]:
    """Return the sentence on what an objective is where its loss is no bound on -log p(x); none where it is one."""
    return [] if objective.is_bound else [objective.what_it_is]


def words(module: nn.Module) -> str:
    """Return what a layer is.

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
            return (
                f"{name} {module.in_channels} -> {module.out_channels}, {_sides(module.kernel_size, both=True)}{stride}"
            )
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
    # A user's own module: the first line of what it says of itself.
    return str(module).splitlines()[0].rstrip("(")


def _sides(sizes: tuple[int, ...], *, both: bool = False) -> str:
    return "x".join(map(str, sizes)) if both or len(set(sizes)) > 1 else str(sizes[0])
