"""Write the table of findings in `doctor.md` from the checks themselves: `python docs/findings.py`."""

from __future__ import annotations

from pathlib import Path

from vaekit.diagnosis import CHECKS, Check

GUIDE = Path(__file__).parent / "doctor.md"
HEAD = "| finding | severity | the number | found | what to do | source |\n|---|---|---|---|---|---|"
FIRST, LAST = "<!-- findings -->\n\n", "\n\n<!-- /findings -->"


def row(check: Check) -> str:
    """Return the row of a check."""
    sign = ">" if check.fires == "above" else "<"
    cells = (
        f"`{check.name}`",
        check.severity,
        check.measure,
        f"{sign} {check.threshold:.4g}",
        check.remedy,
        check.source or "-",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table() -> str:
    """Return the table of all checks, in the order in which one would look."""
    return "\n".join([HEAD, *map(row, CHECKS)])


def main() -> None:
    """Replace the table in the guide."""
    before, rest = GUIDE.read_text(encoding="utf-8").split(FIRST)
    after = rest.split(LAST)[1]
    GUIDE.write_text(before + FIRST + table() + LAST + after, encoding="utf-8")


if __name__ == "__main__":
    main()
