"""The treatment kind of procedures: surgery, intervention, therapeutic, diagnostic, or none.

No public table gives it for ICD-9-CM-3. The shipped one (``data/treatment_kinds/<code set>/``) is
derived by the rules in its manifest, and each code names the rule it rests on. A hospital replaces
it code by code with ``tables/treatment_kinds.csv`` (columns ``code``, ``kind``, and if it likes
``note``) in its data folder; ``kind`` is one of the five words.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks import paths
from codebooks.code_storage import Texts, in_language
from codebooks.codes import code_set
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code
from codebooks.messages import text
from codebooks.plain import ARROW_FAULTS, json_of
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHELF = "treatment_kinds"
MANIFEST, TABLE = "manifest.json", "kinds.parquet"
OWN_TABLE = "treatment_kinds.csv"
OWN = "own"
"""The basis of a kind that the hospital's own table gives."""
FORMAT = 1
KINDS = pa.schema([("code", pa.string()), ("kind", pa.string()), ("rule", pa.string())])


class TreatmentKind(StrEnum):
    """What a procedure is done for. ``NONE``: it is no treatment by itself (navigation, a count)."""

    SURGERY = "surgery"
    INTERVENTION = "intervention"
    THERAPEUTIC = "therapeutic"
    DIAGNOSTIC = "diagnostic"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class KindRule:
    """A rule of the derivation: the kind it gives, in words, and how many codes rest on it."""

    id: str
    kind: TreatmentKind
    words: Texts
    codes: int


class KindCount(NamedTuple):
    """How many codes have a kind for one reason (a rule's id, or ``own``)."""

    kind: TreatmentKind
    basis: str
    codes: int


class TreatmentKinds:
    """The kinds of the procedures of one code set, a hospital's own going before the derived ones.

    Attributes:
        procedure_code_set: the code set, such as ``icd9cm3-nhsa-2.0``.
        manifest: card, rules, counts and hash of the shipped table.
        rules: the rules of the derivation in their order, by id.
    """

    def __init__(self, folder: Path, own: Path | None = None) -> None:
        self.procedure_code_set = folder.name
        self.manifest = _read_manifest(folder)
        self.rules: Mapping[str, KindRule] = {
            rule["id"]: KindRule(
                rule["id"], TreatmentKind(rule["kind"]), rule["words"], rule["codes"]
            )
            for rule in self.manifest["rules"]
        }
        self._derived = _read_table(folder, self.manifest, self.rules)
        self._own = _read_own(own, self.procedure_code_set) if own else {}

    @property
    def standing(self) -> str:
        """How far the derived kinds may be trusted, in the language of the process."""
        return in_language(self.manifest["card"]["standing"])

    def kind(self, code: str) -> TreatmentKind | None:
        """The kind of a procedure in its official spelling; None when the table lacks the code."""
        own = self._own.get(code)
        if own is not None:
            return own
        found = self._derived.get(code)
        return None if found is None else self.rules[found].kind

    def basis(self, code: str) -> str | None:
        """On what the kind rests: a rule's id, ``own``, or None when the table lacks the code."""
        return OWN if code in self._own else self._derived.get(code)

    def words(self, code: str, lang: str | None = None) -> str:
        """On what the kind rests, in words; empty when the table lacks the code."""
        if code in self._own:
            return text("treatment.own", lang)
        rule = self._derived.get(code)
        return "" if rule is None else in_language(self.rules[rule].words, lang)

    @cached_property
    def kinds(self) -> Mapping[str, TreatmentKind]:
        """The kind of every code, by official spelling."""
        derived = {code: self.rules[rule].kind for code, rule in self._derived.items()}
        return {**derived, **self._own}

    def counts(self) -> list[KindCount]:
        """How many codes have which kind on which basis, in the order of the rules, own last."""
        bases = Counter(self._derived[code] for code in self._derived if code not in self._own)
        rules = [KindCount(r.kind, r.id, bases[r.id]) for r in self.rules.values() if bases[r.id]]
        own = Counter(self._own.values())
        return rules + [KindCount(kind, OWN, own[kind]) for kind in TreatmentKind if own[kind]]

    @cached_property
    def content_sha256(self) -> str:
        """Hash of what is in force, the hospital's own kinds included."""
        return content_hash([(code, kind.value) for code, kind in self.kinds.items()])

    def verify(self) -> None:
        """Hold the shipped table against the manifest's hash.

        Raises:
            CodebookError: ``TREATMENT_HASH``.
        """
        rows = [(code, self.rules[rule].kind.value, rule) for code, rule in self._derived.items()]
        if content_hash(rows) != self.manifest["content_sha256"]:
            raise CodebookError("TREATMENT_HASH", Where(file=self.procedure_code_set))


def content_hash(rows: Sequence[Sequence[str]]) -> str:
    """SHA-256 over the rows, order aside."""
    lines = sorted(json.dumps(list(row), ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def treatment_kinds(procedure_code_set: str) -> TreatmentKinds:
    """The kinds of a code set, with the hospital's own table if it has one.

    Read once; a changed own table is read anew.

    Raises:
        CodebookError: ``TREATMENT_UNKNOWN`` (no kinds for this code set), ``TREATMENT_TABLE``;
            for the hospital's own table ``TABLE_…`` as :func:`codebooks.strict_csv.read_rows`,
            ``TREATMENT_CODE``, ``TREATMENT_KIND`` and ``TREATMENT_TWICE`` with file, row, column.
    """
    shelf = paths.shipped() / SHELF
    known = sorted(f.name for f in shelf.iterdir() if (f / MANIFEST).is_file())
    if procedure_code_set not in known:
        params = {"found": procedure_code_set, "known": ", ".join(known)}
        raise CodebookError("TREATMENT_UNKNOWN", **params)
    own = paths.installed() / "tables" / OWN_TABLE
    try:
        stamp = os.stat(own)  # noqa: PTH116 -- one call gives presence, size and time
    except OSError:
        return _cached(shelf / procedure_code_set, None, None)
    return _cached(shelf / procedure_code_set, own, (stamp.st_mtime_ns, stamp.st_size))


@cache
def _cached(folder: Path, own: Path | None, stamp: tuple[int, int] | None) -> TreatmentKinds:
    del stamp  # only part of the key
    return TreatmentKinds(folder, own)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json_of(path.read_text("utf-8"))
        if manifest["format"] == FORMAT and manifest["rules"] and manifest["card"]["standing"]:
            return manifest
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise CodebookError("TREATMENT_TABLE", Where(file=str(path))) from cause
    raise CodebookError("TREATMENT_TABLE", Where(file=str(path)))


def _read_table(
    folder: Path, manifest: Mapping[str, Any], rules: Mapping[str, KindRule]
) -> dict[str, str]:
    path = folder / TABLE
    try:
        table = pq.read_table(path, columns=KINDS.names, use_threads=False).cast(KINDS)
    except ARROW_FAULTS as cause:
        raise CodebookError("TREATMENT_TABLE", Where(file=str(path))) from cause
    found = dict(
        zip(table.column("code").to_pylist(), table.column("rule").to_pylist(), strict=True)
    )
    if len(found) != manifest["counts"]["codes"] or not set(found.values()) <= set(rules):
        raise CodebookError("TREATMENT_TABLE", Where(file=str(path)))
    return found


def _read_own(path: Path, procedure_code_set: str) -> dict[str, TreatmentKind]:
    codes = code_set(procedure_code_set)
    kinds: dict[str, TreatmentKind] = {}
    for row in read_rows(path, ("code", "kind"), ("note",)):
        raw, word = row.cells["code"], row.cells["kind"]
        code = codes.folded.get(fold_code(raw))
        if code is None:
            params = {"found": raw, "set": procedure_code_set}
            raise CodebookError("TREATMENT_CODE", row.at("code"), **params)
        if word not in list(TreatmentKind):
            known = ", ".join(TreatmentKind)
            raise CodebookError("TREATMENT_KIND", row.at("kind"), found=word, known=known)
        if code in kinds:
            raise CodebookError("TREATMENT_TWICE", row.at("code"), found=code)
        kinds[code] = TreatmentKind(word)
    return kinds
