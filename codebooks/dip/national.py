"""Rows of the national DIP 3.0 catalogue from the texts of its cells.

Source: 按病种分值（DIP）付费3.0版分组方案 (医保发〔2026〕22号). Conditions that a sheet gives in words
(in 说明, 天龄, 出生体重) become columns here, so that no engine reads prose.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.dip.grammar import parse_diagnoses, parse_keys, parse_procedures
from codebooks.dip.naming import group_name, mend_name
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.forms.dip import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codebooks.errors import Where

_TEXTS = [field.name for field in TABLES["groups"] if field.type == "string"]
_INNER_X = re.compile(r"(?<=[0-9.])X")
_CODE = re.compile(r"[A-Z][0-9]{2}(?:\.[0-9x]+)?")


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the catalogue says in words, as patterns (``data/importers/dip_3_0.toml``).

    Attributes:
        any_procedure: the procedure need not be the main one.
        any_diagnosis: the diagnosis need not be the principal one.
        resistant_list: a listed principal diagnosis counts as resistant.
        resistant: the values of the column of resistance.
        age: ages in days, with the exclusive bound ``below``.
        weight: birth weights in grams, with the inclusive bounds ``min`` and ``max``.
        treatments: what becomes of an excluded procedure, first pattern first.
        restricted: the diagnoses that an excluded procedure asks for, as ``keys``.
    """

    any_procedure: re.Pattern[str]
    any_diagnosis: re.Pattern[str]
    resistant_list: re.Pattern[str]
    resistant: Mapping[str, str]
    age: re.Pattern[str]
    weight: re.Pattern[str]
    treatments: tuple[tuple[str, re.Pattern[str]], ...]
    restricted: re.Pattern[str]


@cache
def phrases() -> Phrases:
    """The patterns, from the data."""
    path = paths.shipped() / "importers" / "dip_3_0.toml"
    plain = tomllib.loads(path.read_text("utf-8"))["phrases"]
    compiled = {k: re.compile(v) for k, v in plain.items() if isinstance(v, str)}
    treatments = tuple((k, re.compile(v)) for k, v in plain["treatments"].items())
    return Phrases(**compiled, resistant=plain["resistant"], treatments=treatments)


def canonical(expression: str) -> str:
    """An expression in the official spelling: capitals, small inner ``x``, no blanks."""
    return _INNER_X.sub("x", fold_code(expression))


def group_row(**values: Any) -> dict[str, Any]:  # noqa: ANN401 -- the table's own columns
    """A row of the table ``groups``: texts default to empty, positions to the usual ones.

    A row without a name is named by :func:`codebooks.dip.naming.group_name`.
    """
    row: dict[str, Any] = dict.fromkeys(_TEXTS, "")
    row |= {"diagnosis_position": "principal", "procedure_position": "main", **values}
    for column in ("name", "diagnosis_name", "second_diagnosis_name", "note"):
        row[column] = mend_name(row[column])
    row["name"] = row["name"] or group_name(row)
    return row


def nowhere(_: str) -> Where | None:
    """The place of cells that were read from no file."""
    return None


def catalogue_row(
    section: str,
    detail: str,
    cells: Mapping[str, str],
    at: Callable[[str], Where | None] = nowhere,
) -> dict[str, Any]:
    """A row of a sheet of groups.

    Args:
        section: XQ, BX, FZ or JC.
        detail: burn, tumour or tuberculosis in FZ, else empty.
        cells: texts by the table's columns, and ``age``, ``weight`` and ``resistance`` (the rule
            in words) where the sheet has them.
        at: the place of a column's cell, for errors.

    Raises:
        CodebookError: of the grammar, ``DIP_AGE``, ``DIP_WEIGHT``, ``DIP_RESISTANT`` or
            ``DIP_RESISTANCE``.
    """
    known = phrases()
    values: dict[str, Any] = {k: v for k, v in cells.items() if k in _TEXTS}
    for column in ("diagnosis", "second_diagnosis", "procedure", "related"):
        values[column] = canonical(values.get(column, ""))
    parse_diagnoses(values["diagnosis"], at("diagnosis"))
    parse_keys(values["second_diagnosis"], at("second_diagnosis"))
    parse_procedures(values["procedure"], at("procedure"))
    parse_procedures(values["related"], at("related"))
    note = values.get("note", "")
    if known.any_diagnosis.search(note):
        values["diagnosis_position"] = "any"
    # The cells of tumours are expressions over all procedures, none of them named the main one.
    if known.any_procedure.search(note) or detail == "tumour":
        values["procedure_position"] = "any"
    if "age" in cells:
        values["age_days_min"], values["age_days_max"] = 0, _age(cells["age"], at("age"))
        values["weight_g_min"], values["weight_g_max"] = _weight(cells["weight"], at("weight"))
    if detail == "tuberculosis":
        values |= _resistance(cells["resistant"], cells["resistance"], at)
    return group_row(section=section, detail=detail, **values)


def excluded_procedure(code: str, words: str, where: Where | None = None) -> dict[str, str]:
    """A row of the table ``excluded_procedures``.

    Args:
        code: the procedure.
        words: what the catalogue says of it.
        where: the place of the words, for errors.

    Raises:
        CodebookError: ``DIP_TREATMENT`` when the words are none that the catalogue uses, or of
            the grammar.
    """
    note = mend_name(words)
    treatment = next((name for name, form in phrases().treatments if form.search(note)), None)
    if treatment is None:
        raise CodebookError("DIP_TREATMENT", where, found=note[:60])
    row = {"code": canonical(code), "treatment": treatment, "diagnoses": "", "note": ""}
    if found := phrases().restricted.match(note):
        row |= {"diagnoses": canonical(found["keys"]), "note": note}
        parse_keys(row["diagnoses"], where)
    return row


def _age(words: str, where: Where | None) -> int:
    found = phrases().age.fullmatch(fold_code(words))
    if not found:
        raise CodebookError("DIP_AGE", where, found=words)
    return int(found["below"]) - 1


def _weight(words: str, where: Where | None) -> tuple[int, int]:
    found = phrases().weight.fullmatch(fold_code(words))
    if not found or int(found["min"]) > int(found["max"]):
        raise CodebookError("DIP_WEIGHT", where, found=words)
    return int(found["min"]), int(found["max"])


def _resistance(value: str, rule: str, at: Callable[[str], Where | None]) -> dict[str, str]:
    resistant = phrases().resistant.get(value.strip())
    if resistant is None:
        raise CodebookError("DIP_RESISTANT", at("resistant"), found=value)
    codes = _CODE.findall(canonical(rule))
    if not codes:
        raise CodebookError("DIP_RESISTANCE", at("resistance"), found=rule)
    listed = "yes" if phrases().resistant_list.search(rule) else ""
    return {
        "resistant": resistant,
        "resistant_list": listed,
        "resistant_other": "|".join(codes),
        "note": rule,
    }
