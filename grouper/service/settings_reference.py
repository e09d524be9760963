"""The settings told to people: the page, the example of a file, and what holds here.

Names, kinds and defaults come from :mod:`grouper.service.settings`, words from the catalogues
(``setting.<name>``), so that neither can say another thing than the code.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import jinja2
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr

from codebooks.messages import text
from codebooks.paths import installed
from grouper.service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

TOP = "top"
"""The section of settings that stand before all tables."""
ANY = "NAME"
"""Stands for a name that the hospital chooses (``destinations.NAME``)."""
PLACE = "..."
"""Stands in the example where there is no default that could be written."""
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_BOUNDS = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting.

    Attributes:
        name: such as ``web.port``.
        section: the table of the file that it stands in, or :data:`TOP`.
        default: as the file would have it; None: it has none.
        preset: the same as the code has it.
        kind: a word of the form (``text``, ``number``, ``true/false``, ``list``, ``table``, ``file``).
        bounds: of a number, such as ``≥ 0, ≤ 23``; may be empty.
        secret: its value is never shown.
    """

    name: str
    section: str
    default: Any
    preset: Any
    kind: str
    bounds: str
    secret: bool

    @property
    def variable(self) -> str:
        """The variable of the environment; empty where the name is the hospital's choice."""
        if f".{ANY}." in self.name:
            return ""
        return "GROUPER_SERVICE_" + self.name.replace(".", "__").upper()

    @property
    def key(self) -> str:
        """The name within its table."""
        return self.name.rpartition(".")[2]


def entries() -> list[Entry]:
    """All settings, those before the tables first, in the order of the code."""
    found = list(_of(Settings, ""))
    return [one for one in found if one.section == TOP] + [
        one for one in found if one.section != TOP
    ]


def _of(model: type[BaseModel], prefix: str) -> Iterator[Entry]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = get_args(kind)[-1] if get_origin(kind) is dict else None
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _of(kind, f"{prefix}{name}.")
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _of(inner, f"{prefix}{name}.{ANY}.")
        else:
            # A table of tables is a section of its own.
            own = not prefix and get_origin(kind) is dict
            section = name if own else prefix.rstrip(".") or TOP
            yield _entry(f"{prefix}{name}", section, field)


def _entry(name: str, section: str, field: FieldInfo) -> Entry:
    default = field.get_default(call_default_factory=True, validated_data={})
    return Entry(
        name=name,
        section=section,
        default=None if default is None else _plain(default),
        preset=default,
        kind=_kind(field.annotation),
        bounds=", ".join(
            f"{sign} {_number(getattr(rule, attribute))}"
            for rule in field.metadata
            for form, attribute, sign in _BOUNDS
            if isinstance(rule, form)
        ),
        secret=SecretStr in (field.annotation, *get_args(field.annotation)),
    )


def _kind(annotation: Any) -> str:  # noqa: ANN401 -- any type
    if get_origin(annotation) is dict:
        return "table"
    if get_origin(annotation) is tuple:
        return "list"
    kinds = {annotation, *get_args(annotation)}
    for form, word in ((Path, "file"), (bool, "true/false"), (int, "number"), (float, "number")):
        if form in kinds:
            return word
    return "text"


def _number(bound: Any) -> str:  # noqa: ANN401 -- a number of any kind
    return f"{bound:,}"


def _plain(value: Any) -> Any:  # noqa: ANN401 -- the value of any setting
    """A value as TOML has it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return value.name if value.is_relative_to(installed()) else str(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _written(value: Any) -> str:  # noqa: ANN401 -- the value of any setting
    """A value in TOML; JSON's strings, numbers, truths and lists are TOML's too."""
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {_written(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps(value, ensure_ascii=False)


def default_of(entry: Entry, lang: str) -> str:
    """The default as people read it."""
    if entry.name == "database":
        return text("settings.data_folder", lang, name="grouper.sqlite")
    if entry.kind == "file" and entry.default:
        return text("settings.data_folder", lang, name=entry.default)
    if entry.default in (None, "", [], {}):
        return text("settings.none", lang)
    return _written(entry.default)


def document() -> str:
    """``docs/SETTINGS.md``, in English like all guides."""
    template = (files("grouper.service") / "data" / "SETTINGS.md.j2").read_text("utf-8")
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- Markdown of our own texts, no HTML
    sections: dict[str, dict[str, Any]] = {}
    for one in entries():
        about = text(f"setting_section.{one.section}", "en")
        section = sections.setdefault(one.section, {"about": about, "rows": []})
        section["rows"].append(
            {
                "name": one.name,
                "variable": one.variable,
                "kind": f"{one.kind} {one.bounds}".rstrip(),
                "default": default_of(one, "en"),
                "about": text(f"setting.{one.name}", "en"),
            }
        )
    page = environment.from_string(template).render(sections=sections, top=TOP)
    return page.rstrip("\n") + "\n"


def example(lang: str) -> str:
    """A settings file in which every setting stands as a comment with its default."""
    lines = [f"# {text(f'settings.{name}', lang)}" for name in ("file_head", "file_more")]
    section = TOP
    for one in entries():
        if one.section != section:
            section = one.section
            lines += ["", "", f"# {text(f'setting_section.{section}', lang)}"]
            # A table of tables that stands there empty would replace the default.
            free = ANY in section or section == one.name
            lines.append(f"# [{section}]" if free else f"[{section}]")
        lines.append("")
        about = _LINK.sub(r"docs/\1", text(f"setting.{one.name}", lang))
        lines.append(f"# {about} ({one.bounds})" if one.bounds else f"# {about}")
        lines += _example_lines(one)
    return "\n".join(lines) + "\n"


def _example_lines(one: Entry) -> list[str]:
    if one.section == one.name:
        return [f"# {name} = {_written(options)}" for name, options in one.default.items()]
    if one.default is None or one.kind == "file":
        # Nothing that could be taken for a default: what has none is left out where it is not wanted.
        return [f'# {one.key} = "{PLACE}"']
    return [f"# {one.key} = {_written(one.default)}"]


def effective(settings: Settings, lang: str) -> Iterator[tuple[str, str, bool]]:
    """What holds: name, value, and whether it is another than the default.

    Args:
        settings: of this process.
        lang: of what stands in the place of a secret.
    """
    for one in entries():
        if f".{ANY}." in one.name:
            continue
        value: Any = settings
        for part in one.name.split("."):
            value = getattr(value, part)
        plain = None if value is None else _plain(value)
        changed = value != one.preset
        shown = text("settings.hidden", lang) if one.secret and plain else _written(plain)
        yield one.name, shown, changed
    for name, told in settings.destinations.items():
        yield f"destinations.{name}", _written(told.model_dump(mode="json")), True


def write(path: Path) -> None:
    """Write the page to a file."""
    path.write_text(document(), "utf-8")
