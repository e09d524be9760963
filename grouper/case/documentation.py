"""``docs/CASE.md``, made from the field specification and its tables."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING

import jinja2

from codebooks.messages import text
from grouper.case.fields import FIELDS, ZONE, Field
from grouper.case.tables import date_limits, missing, number_limits, rows, spellings, units

if TYPE_CHECKING:
    from pathlib import Path

_HOLDS = {
    ("one", 0): "the value, or the first of a list",
    ("list", 0): "the whole list",
    ("list", 1): "all but the first",
    ("one", 1): "one of the others",
}


def render() -> str:
    """The page as Markdown."""
    template = (files("grouper.case") / "data" / "CASE.md.j2").read_text("utf-8")
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- Markdown of our own tables, no HTML
    return environment.from_string(template).render(
        fields=[_field(field) for field in FIELDS.values()],
        aliases=_aliases(),
        reasons=_reasons(),
        missing=", ".join(f"`{mark}`" for mark in sorted(missing()) if mark),
        units="; ".join(
            f"{text(f'case.unit.{u}', 'en')}: {', '.join(s)}" for u, s in units().items()
        ),
        zone=ZONE,
    )


def write(path: Path) -> None:
    """Write the page to a file."""
    path.write_text(render(), "utf-8")


def _field(field: Field) -> dict[str, str]:
    bounds = number_limits().get(field.name) or date_limits().get(field.name)
    choices = sorted(set(spellings(field.name).values()) - {""})
    return {
        "name": field.name,
        "zh": text(f"case.label.{field.name}", "zh"),
        "type": f"list of {field.value_type}" if field.nested else str(field.type),
        "unit": text(f"case.unit.{field.unit}", "en") if field.unit else "",
        "limits": f"{bounds[0]} to {bounds[1]}" if bounds else "",
        "choices": ", ".join(choices),
        "about": text(f"case.about.{field.name}", "en"),
    }


def _aliases() -> list[dict[str, str]]:
    found: dict[tuple[str, str, str, int], list[str]] = {}
    for row in rows("aliases.csv"):
        several = "#" in row["alias"]
        holds = "numbered, from the first" if several and row["slot"] == "0" else ""
        holds = holds or _HOLDS[row["form"], int(row["slot"])]
        if not FIELDS[row["field"]].nested:
            holds = "the value"
        key = (row["field"], row["rank"], holds, int(row["slot"]))
        found.setdefault(key, []).append(f"`{row['alias']}`")
    return [
        {"field": field, "rank": rank, "holds": holds, "names": " ".join(names)}
        for (field, rank, holds, _), names in found.items()
    ]


def _reasons() -> list[dict[str, str]]:
    ours = tomllib.loads((files("grouper.text") / "en" / "case.toml").read_text("utf-8"))
    return [
        {
            "code": code,
            "zh": text(f"reason.{code}", "zh"),
            "en": text(f"reason.{code}", "en"),
            "advice": text(f"advice.{code}", "en"),
        }
        for code in ours["reason"]
    ]
