"""``grouper codebooks check``: everything against its manifest, and the schemes' rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from codebooks.apg.checks import check_apg
from codebooks.codes import code_set, code_set_folders
from codebooks.crosswalk import Crosswalk, crosswalk_folders
from codebooks.dip.book_check import check_dip
from codebooks.errors import CodebookError, Where
from codebooks.findings import Finding, Severity
from codebooks.messages import text
from codebooks.registry import registry
from codebooks.storage import verify_book
from grouper.cli.codebooks_render import count_words, print_json, print_table, say
from grouper.rules.check import check_book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codebooks.book import SchemeBook
    from codebooks.codes import CodeSet

_ABSENT = "CODESET_PACKAGE"
_CHECKERS: Mapping[str, Callable[[SchemeBook], Iterable[Finding]]] = {
    "drg": check_book,
    "apg": check_apg,
    "dip": check_dip,
}


@dataclass(slots=True)
class Checked:
    """One book, code set or crosswalk and what its check found."""

    id: str
    kind: str
    counts: dict[str, int] = field(default_factory=dict)
    error: CodebookError | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it cannot be used as it is."""
        return self.error is not None or any(f.severity is Severity.ERROR for f in self.findings)


def check(ids: list[str]) -> list[Checked]:
    """Check what is named, or everything; a set whose package is absent is passed over then.

    Raises:
        CodebookError: ``BOOK_UNKNOWN`` for an id that nothing has.
    """
    shelves = {
        "scheme": sorted({*registry().cards, *registry().broken}),
        "code_set": sorted(code_set_folders()),
        "crosswalk": sorted(crosswalk_folders()),
    }
    kinds = {id_: kind for kind, found in shelves.items() for id_ in found}
    for id_ in ids:
        if id_ not in kinds:
            raise CodebookError("BOOK_UNKNOWN", found=id_, known=", ".join(kinds))
    checked = [_check_one(id_, kinds[id_]) for id_ in ids or kinds]
    if ids:
        return checked
    return [c for c in checked if c.error is None or c.error.code != _ABSENT]


def _check_one(id_: str, kind: str) -> Checked:
    checked = Checked(id_, kind)
    try:
        if kind == "scheme":
            registry().card(id_)
            book = verify_book(registry().folders[id_])
            checked.counts = book.counts()
            checked.findings = list(_checker(book.card.family)(book))
        elif kind == "code_set":
            codes = code_set(id_)
            checked.counts = dict(codes.manifest.counts)
            codes.verify()
        else:
            walk = Crosswalk(crosswalk_folders()[id_])
            checked.counts = dict(walk.manifest.counts)
            walk.verify()
            checked.findings = _strangers(walk)
    except CodebookError as error:
        checked.error = error
    return checked


def _checker(family: str) -> Callable[[SchemeBook], Iterable[Finding]]:
    """What holds the tables of a family's books against each other, beyond their hash."""
    return _CHECKERS.get(family, lambda _: ())


def _strangers(walk: Crosswalk) -> list[Finding]:
    """Codes of a crosswalk that its code sets do not have."""
    findings: list[Finding] = []
    sides = (("source_code", walk.source_id), ("target_code", walk.target_id))
    for column, set_id in sides:
        codes: CodeSet = code_set(set_id)
        found = dict.fromkeys(walk.table.column(column).drop_null().to_pylist())
        findings += [
            Finding(
                "CROSSWALK_CODE",
                Severity.ERROR,
                Where(column=column),
                {"found": code, "set": set_id},
            )
            for code in found
            if code not in codes
        ]
    return findings


def print_checked(checked: list[Checked], *, every: bool, as_json: bool) -> None:
    """The outcome of each; its findings counted by code, or each of them."""
    if as_json:
        print_json([_plain(item) for item in checked])
        return
    columns = [say(f"column.{name}") for name in ("id", "shelf", "outcome", "counts")]
    rows = [
        [item.id, say(f"shelf.{item.kind}"), _outcome(item), count_words(item.counts)]
        for item in checked
    ]
    print_table(columns, rows)
    _print_findings(checked, every=every)
    failed = sum(item.failed for item in checked)
    typer.echo()
    typer.echo(say("check.failed" if failed else "check.whole", failed=failed, count=len(checked)))


def _outcome(item: Checked) -> str:
    if item.error is not None:
        return say("check.unusable", code=item.error.code)
    tally = Counter(f.severity for f in item.findings)
    counted = [say(f"check.{s}", count=tally[s]) for s in Severity if tally[s]]
    return say("separator").join(counted) or say("check.clean")


def _print_findings(checked: list[Checked], *, every: bool) -> None:
    for item in checked:
        if item.error is not None:
            typer.echo()
            typer.echo(f"{item.id}  {item.error.describe()}")
    if every:
        for item in checked:
            for finding in item.findings:
                typer.echo(f"{item.id}  {finding.describe()}")
        return
    order = list(Severity)
    tally = Counter((f.severity, f.code, item.id) for item in checked for f in item.findings)
    if tally:
        typer.echo()
        columns = [say(f"column.{name}") for name in ("severity", "finding", "id", "count")]
        ranked = sorted(tally.items(), key=lambda entry: (order.index(entry[0][0]), entry[0][1:]))
        rows = [[text(f"severity.{s}"), c, id_, str(count)] for (s, c, id_), count in ranked]
        print_table(columns, rows)
        typer.echo(say("check.more"))


def _plain(item: Checked) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "ok": not item.failed,
        "counts": item.counts,
        "error": None if item.error is None else item.error.code,
        "findings": [
            {
                "code": f.code,
                "severity": f.severity.value,
                "where": {s: v for s in Where.__slots__ if (v := getattr(f.where, s)) is not None},
                "text": f.describe(),
            }
            for f in item.findings
        ],
    }
