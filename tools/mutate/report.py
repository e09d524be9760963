"""What a run found, as a table by module and area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.mutate.trial import KILLED, TIMEOUT, UNCOVERED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.mutate.results import Result


@dataclass(slots=True)
class Row:
    """The counts of a module or an area.

    ``explained`` are those that survived and are listed with a reason; they are part of
    ``survived`` or ``uncovered`` too.
    """

    name: str
    killed: int = 0
    timeout: int = 0
    survived: int = 0
    uncovered: int = 0
    explained: int = 0

    def add(self, result: Result, listed: dict[str, str]) -> None:
        """Count one result."""
        if result.status == KILLED:
            self.killed += 1
        elif result.status == TIMEOUT:
            self.timeout += 1
        elif result.status == UNCOVERED:
            self.uncovered += 1
        else:
            self.survived += 1
        self.explained += not result.killed and result.key in listed

    @property
    def all(self) -> int:
        """Mutants tried."""
        return self.killed + self.timeout + self.survived + self.uncovered

    @property
    def rate(self) -> float:
        """The part that was noticed, of all mutants tried: explained survivors are not."""
        return (self.killed + self.timeout) / self.all if self.all else 1.0

    @property
    def unexplained_rate(self) -> float:
        """The part that was noticed, of all but the explained survivors."""
        asked = self.all - self.explained
        return (self.killed + self.timeout) / asked if asked else 1.0

    def line(self) -> str:
        """The row as a line of Markdown."""
        counts = (
            self.all,
            self.killed,
            self.timeout,
            self.survived,
            self.uncovered,
            self.explained,
        )
        return f"| {self.name} | {' | '.join(map(str, counts))} | {100 * self.rate:.1f} |"


HEAD = (
    "| module | mutants | killed | of them by time | survived | not covered | explained | killed, % |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
).replace("of them by time", "ended by time limit")


def rows(
    results: Iterable[tuple[str, str, Result]], listed: dict[str, str]
) -> dict[str, list[Row]]:
    """The counts.

    Args:
        results: area, module and result of each mutant.
        listed: the explained survivors.

    Returns:
        By area: a row for each module, and one for the whole area at the end.
    """
    found: dict[str, dict[str, Row]] = {}
    for area, module, result in results:
        some = found.setdefault(area, {})
        for name in (module, area):
            some.setdefault(name, Row(name)).add(result, listed)
    return {
        area: [*(row for name, row in sorted(some.items()) if name != area), some[area]]
        for area, some in sorted(found.items())
    }


def whole(found: dict[str, list[Row]]) -> Row:
    """The counts of all areas together."""
    row = Row("all")
    for last in (some[-1] for some in found.values()):
        for name in ("killed", "timeout", "survived", "uncovered", "explained"):
            setattr(row, name, getattr(row, name) + getattr(last, name))
    return row


def table(found: dict[str, list[Row]]) -> str:
    """The table in Markdown; the areas' own rows are bold."""
    lines = [HEAD]
    for area, some in found.items():
        for row in some:
            line = row.line()
            lines.append(
                line.replace(f"| {area} |", f"| **{area}** |", 1) if row.name == area else line
            )
    return "\n".join(lines)
