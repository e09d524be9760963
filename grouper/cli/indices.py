"""``grouper indices``: CMI, time and cost index, mortality, bill, surplus; and how the fund stands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.cli.settle import (
    Files,
    Format,
    FormatOption,
    LangOption,
    OutputOption,
    RegionOption,
    say,
    tell,
)
from grouper.payment.indices.fund_words import fund_document, fund_lines
from grouper.payment.indices.table import indices
from grouper.payment.indices.telling import document, header, lines, table
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.files import Sheet
from grouper.payment.settlement.fund import months_payable, rates, read_fund
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.periods import last_policy
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.reading import read_priced

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSURANCES = ("employee", "resident")
_TEXTS = 2


class Axis(StrEnum):
    """By what indices are given."""

    DEPARTMENT = "department"
    GROUP = "group"
    PHYSICIAN = "physician"
    MONTH = "month"
    INSURANCE = "insurance"
    METHOD = "method"
    HOSPITAL = "hospital"


def indices_command(
    files: Files,
    by: Annotated[Axis | None, typer.Option("--by", help=say("by"))] = None,
    charges: Annotated[list[Path] | None, typer.Option("--charges", help=say("charges"))] = None,
    fund: Annotated[Path | None, typer.Option("--fund", help=say("fund"))] = None,
    region: RegionOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Reckon the indices of the cases of some files."""
    place = registry().region(region).id
    months = read_fund(fund) if fund else ()
    lines_of = _charges(charges) if charges else None
    cases = read_priced(files, region=place)
    looked = Looked(last_policy(cases, place, policies()))
    found = indices(cases, looked, by.value if by else None, lines_of)
    told = document(found, lang)
    priced = Priced.of(cases, looked.policy)
    indicators = [months_payable(looked, one, months) for one in _INSURANCES]
    for insurance in (None, *_INSURANCES):
        indicators += rates(looked, priced, insurance)
    told["fund"] = fund_document(indicators, told["language"])
    words = [*lines(told), "", *fund_lines(told["fund"], told["language"])]
    head, rows = header(told), table(told)
    numbers = frozenset(range(_TEXTS, len(head)))
    sources = [*files, *(charges or ()), *([fund] if fund else ())]
    tell(told, words, [Sheet(say("indices"), head, rows, numbers)], sources, format_, output)


def _charges(paths: Sequence[Path]) -> pa.Table:
    """The charge lines of some Parquet files, with the columns that the indices read."""
    wanted = ["case_id", "line_class", "line_amount"]
    parts = []
    for path in paths:
        try:
            parts.append(pq.read_table(path, columns=wanted))
        except ARROW_FAULTS as cause:
            where = Where(file=path.name)
            raise SettlementError("SETTLE_FILE", where, cause=type(cause).__name__) from cause
    return pa.concat_tables(
        [pa.table({n: _plain(part[n]) for n in part.column_names}) for part in parts],
        promote_options="default",
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    encoded = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if encoded else column
