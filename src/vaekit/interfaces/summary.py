"""The layers of a model and their parameters."""

from __future__ import annotations

from typing import Any

from torch import nn

from vaekit.models import VAE
from vaekit.nets import parameter_count

__all__ = ["layer_table", "layers"]


def layers(model: VAE) -> list[dict[str, Any]]:
    """Return one row per layer that holds parameters: side, name, what it is, how many."""
    rows = []
    for side, part in (("prior", model.prior), ("encoder", model.posterior), ("decoder", model.likelihood)):
        for name, module in part.named_modules():
            count = sum(p.numel() for p in module.parameters(recurse=False))
            if count:
                rows.append(
                    {"side": side, "name": name or type(part).__name__, "layer": _words(module), "parameters": count}
                )
        total = parameter_count(part)
        if total:
            rows.append({"side": side, "name": "", "layer": "all", "parameters": total})
    return rows


def layer_table(rows: list[dict[str, Any]]) -> Any:
    """Return the rows as a table for the terminal."""
    from rich.table import Table

    table = Table("side", "name", "layer", box=None, pad_edge=False, header_style="bold")
    table.add_column("parameters", justify="right")
    for row in rows:
        table.add_row(row["side"], row["name"], row["layer"], f"{row['parameters']:,}")
    return table


def _words(module: nn.Module) -> str:
    return type(module).__name__ if isinstance(module, nn.ParameterDict) else str(module)
