"""The view of fund and credit from what is handed in and from the store.

Files that are not handed in are looked for in ``GROUPER_DATA/fund/``: ``ledger.csv``,
``outlook.json``, ``credit_values.csv`` and ``settled/*.json``. Where no settled month is at hand the
command settles those of the store, of the year up to the month.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import GrouperError, Where
from codebooks.policies.policies import policies
from grouper.audit.fund.budget import statement_of
from grouper.audit.fund.credit import Quantity
from grouper.audit.fund.credit_values import read_values
from grouper.audit.fund.leads import Counted, standing_states
from grouper.audit.fund.ledger import YEAR, name_of, number_of, read_ledger
from grouper.audit.fund.outlook import read_json, read_outlook
from grouper.audit.fund.view import Known, last_day, look
from grouper.case.dates import LOCAL
from grouper.payment.settlement.document import document as settled_document
from grouper.payment.settlement.month import settle_month
from grouper.service.month import priced_month
from grouper.store import finding_leads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from codebooks.audit.books import AuditBook
    from grouper.audit.fund.budget import Statement
    from grouper.audit.fund.view import View
    from grouper.store.database import Database

FOLDER = "fund"
STORE = "store"
"""The source of quantities that the store tells."""
_GRANTED, _REJECTED = "granted", "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is handed in; None: not at hand.

    Attributes:
        ledger: of the region (CSV).
        settled: months as ``grouper settle`` wrote them (JSON); empty: none.
        outlook: of ``grouper forecast outlook`` (JSON).
        values: quantities of credit that no finding tells (CSV).
    """

    ledger: Path | None = None
    settled: Sequence[Path] = ()
    outlook: Path | None = None
    values: Path | None = None

    def or_at_hand(self) -> Files:
        """The same with the files of the data folder where none are handed in."""
        folder = paths.installed() / FOLDER

        def there(given: Path | None, name: str) -> Path | None:
            own = folder / name
            return given or (own if own.is_file() else None)

        return Files(
            ledger=there(self.ledger, "ledger.csv"),
            settled=tuple(self.settled) or tuple(sorted((folder / "settled").glob("*.json"))),
            outlook=there(self.outlook, "outlook.json"),
            values=there(self.values, "credit_values.csv"),
        )


def last_month(at: datetime) -> str:
    """The last month that is over."""
    day = at.astimezone(LOCAL).date()
    return name_of(day.year * YEAR + day.month - 2)


def fund_view(
    database: Database | None,
    book: AuditBook,
    files: Files,
    *,
    region: str,
    month: str,
    hospital: str | None = None,
    settle: bool = False,
    progress: Callable[[int], None] | None = None,
) -> View:
    """How the fund, the budget, the leads and the credit stand.

    Args:
        database: the store; None: it is not asked.
        book: our rules.
        files: what is handed in.
        region: whose fund.
        month: the last one that counts.
        hospital: whose budget; None: as the settled months say.
        settle: settle the store's months of the year where no settled month is handed in; of a
            large store this takes minutes.
        progress: called with the stays read of the store.

    Raises:
        AuditError: ``FUND_STATEMENT``, ``FUND_STATEMENT_TWICE``, ``FUND_OUTLOOK``, ``CREDIT_VALUE``,
            ``CREDIT_SCHEME``.
        SettlementError: a row of the ledger cannot be read.
        StoreError: ``STORE_UNAVAILABLE``.
        GrouperError: a file cannot be read, or a scheme's book is not at hand.
    """
    known = Known(
        ledger=None if files.ledger is None else read_ledger(files.ledger),
        outlook=None if files.outlook is None else read_outlook(files.outlook, int(month[:4])),
        statements=[_statement(one) for one in files.settled] or None,
    )
    if database is not None:
        known = _of_store(database, known, month)
        if known.statements is None and settle:
            known = replace(known, statements=_settled(database, region, month, progress))
    if files.values is not None:
        handed = read_values(files.values, month)
        known = replace(known, quantities={**(known.quantities or {}), **handed})
    return look(known, book, region=region, month=month, hospital=hospital)


def _statement(path: Path) -> Statement:
    return statement_of(read_json(path, "FUND_STATEMENT"), Where(file=path.name))


def _of_store(database: Database, known: Known, month: str) -> Known:
    """What the store knows of findings, and of credit in the year up to the month."""
    since = datetime.combine(last_day(f"{month[:4]}-01").replace(day=1), time(), LOCAL)
    until = datetime.combine(last_day(month) + timedelta(days=1), time(), LOCAL)
    said = standing_states()
    with database.reading() as connection:
        found = finding_leads.alike(connection)
        cases = finding_leads.discharged(connection, since, until)
        violations = finding_leads.violations(connection, said["confirmed"], since, until)
        corrected = finding_leads.corrected(connection, said["confirmed"], since, until)
        closed = finding_leads.insurer_closed(connection, since, until)
        answers = finding_leads.answers(connection, said["answered"], since, until)
    in_time = sum(one.at is not None and one.at < one.deadline for one in answers)
    won = closed.get(_GRANTED, (0, Decimal(0)))[0]
    appeals = won + closed.get(_REJECTED, (0, Decimal(0)))[0]
    return replace(
        known,
        findings=[
            Counted(
                rule=one.rule,
                department=one.department,
                source=one.source,
                state=one.state,
                count=one.count,
                amount=one.amount,
                oldest=one.oldest.astimezone(LOCAL).date(),
            )
            for one in found
        ],
        quantities=_quantities(
            {
                "violations": (violations, cases),
                "corrected_before_upload": corrected,
                "answered_in_time": (in_time, len(answers)),
                "appeals_won": (won, appeals),
            }
        ),
        deducted=sum((amount for _, amount in closed.values()), Decimal("0.00")),
    )


def _quantities(found: Mapping[str, tuple[int, int]]) -> dict[str, Quantity]:
    return {
        name: Quantity(part=Decimal(part), whole=Decimal(whole), source=STORE)
        for name, (part, whole) in found.items()
    }


def _settled(
    database: Database, region: str, month: str, progress: Callable[[int], None] | None
) -> list[Statement] | None:
    """The months of the store, settled by the region's policy; None: it has none."""
    table = priced_month(database, month, region=region, progress=progress, whole_year=True)
    if not table.num_rows:
        return None
    found = []
    first = number_of(f"{month[:4]}-01")
    for number in range(first, number_of(month) + 1):
        name = name_of(number)
        try:
            settled = settle_month(table, region=region, month=name, at_hand=policies())
        except GrouperError as error:
            if error.code != "POLICY_MISSING":
                raise
            # Without a policy nothing is settled; the view says so.
            return None
        if settled.sums.cases:
            found.append(statement_of(settled_document(settled), Where()))
    return found or None
