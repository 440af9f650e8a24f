"""A chapter of the doctor's: what it finds, and whether `fit` takes what it prescribes."""

from collections.abc import Iterable

from vaekit.diagnosis import Check, Examination
from vaekit.interfaces.describing.parsing import parse


class Chapter:
    """Some checks, by their names."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = {check.name: check for check in checks}

    def found(self, examination: Examination) -> set[str]:
        return {name for name, check in self.checks.items() if check(examination) is not None}

    def prescribed(self, name: str, examination: Examination) -> tuple[str, ...]:
        keys = self.checks[name].prescription(examination)
        parse(keys)
        return keys
