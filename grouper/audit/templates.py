"""The templates: which SQL judges which rules, and what it needs (``data/templates.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

HITS = "{hits}"


@dataclass(frozen=True, slots=True)
class Template:
    """One template.

    Attributes:
        name: of the template.
        scope: ``item``, ``lines`` or ``cases``.
        table: of the book whose rows it judges by; None: it judges ``rules``.
        rules: the rules that it judges without rows.
        parameters: what it needs of the table ``behaviour``.
        fields: what must be stated somewhere.
        file: name of the SQL text.
    """

    name: str
    scope: str
    table: str | None
    rules: tuple[str, ...]
    parameters: tuple[str, ...]
    fields: tuple[str, ...]
    file: str

    @property
    def sql(self) -> str:
        """The query, which gives what was found in the columns of ``found.sql``."""
        own = sql(self.file)
        return sql("attach").replace(HITS, own) if self.scope == "item" else own


@cache
def templates() -> tuple[Template, ...]:
    """All templates in the order of the table."""
    return tuple(
        Template(
            name,
            row["scope"],
            row.get("table"),
            tuple(row.get("rules", ())),
            tuple(row.get("parameters", ())),
            tuple(row.get("fields", ())),
            row.get("file", name),
        )
        for name, row in toml("templates.toml").items()
    )


@cache
def sql(name: str) -> str:
    """A text of SQL."""
    return (files("grouper.audit") / "sql" / f"{name}.sql").read_text("utf-8")


@cache
def toml(name: str) -> dict[str, Any]:
    """A table of the package; not to be changed."""
    return tomllib.loads((files("grouper.audit") / "data" / name).read_text("utf-8"))
