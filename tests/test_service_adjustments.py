"""The book of adjustments of the service: only added to, equal to the bureau, safe between processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from service_support import PEOPLE

from grouper.case.dates import LOCAL
from grouper.payment.settlement.bureau import BureauFile
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import total
from grouper.payment.settlement.reconcile import Entry, Reconciliation, State
from grouper.service import adjustment_book
from grouper.service.access.principal import AccessError
from grouper.service.adjustment_book import AdjustmentBook, Reading, Scope
from grouper.service.problems import ServiceError
from grouper.service.settings import Settings

D = Decimal
AT = datetime(2026, 4, 20, 9, tzinfo=LOCAL)
SCOPE = Scope(region="demo", month="2026-03", kind="inpatient")


def found(*cases: tuple[str, str, str], sha256: str = "a") -> Reconciliation:
    """Cases with what we and the bureau say of the fund's part."""
    return Reconciliation(
        file=BureauFile(name="f.csv", sha256=sha256, columns=("fund",), rows=(), stated={}),
        measure="fund",
        entries=tuple(
            Entry(
                case_id=name,
                state=State.DIFFERENT,
                ours={"fund": D(ours)},
                theirs={"fund": D(theirs)},
            )
            for name, ours, theirs in cases
        ),
    )


def add(
    book: AdjustmentBook,
    told: Reconciliation,
    scope: Scope = SCOPE,
    log: list[Reading] | None = None,
) -> Reading | None:
    kept: list[Reading] = [] if log is None else log
    return book.append(scope, told, actor="office1", errand="e1", at=AT, log=kept.append)


@pytest.fixture
def book(tmp_path: Path) -> AdjustmentBook:
    return AdjustmentBook(tmp_path / "adjustments")


def test_the_same_statement_adds_nothing_and_a_corrected_one_the_correction(
    book: AdjustmentBook,
) -> None:
    log: list[Reading] = []
    assert book.entries(SCOPE).num_rows == 0
    told = found(("C1", "100.00", "90.00"), ("C2", "50.00", "50.00"), ("C3", "0.00", "7.00"))
    first = add(book, told, log=log)
    assert first is not None
    assert (first.entries, first.amount) == (2, D("-3.00"))
    assert add(book, told, log=log) is None
    second = add(
        book, found(("C1", "100.00", "95.00"), ("C2", "50.00", "50.00"), sha256="b"), log=log
    )
    assert second is not None
    assert (second.entries, second.amount) == (2, D("-2.00"))
    entries = book.entries(SCOPE)
    assert entries["entry"].to_pylist() == [1, 2, 3, 4]
    assert total(entries["amount"].to_pylist()) == D("-5.00")
    assert book.readings("demo", "2026-03") == log[::-1] == [second, first]


def test_what_stands_is_never_written_again(book: AdjustmentBook) -> None:
    add(book, found(("C1", "1.00", "2.00")))
    path = next(book.folder.rglob("0001.parquet"))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    add(book, found(("C1", "1.00", "3.00")))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in sorted(book.folder.rglob("*.parquet"))] == [
        "0001.parquet",
        "0002.parquet",
    ]


def test_a_case_is_not_adjusted_in_two_choices(book: AdjustmentBook) -> None:
    add(book, found(("C1", "1.00", "2.00")))
    for other in (replace(SCOPE, kind=None), replace(SCOPE, insurance="resident")):
        with pytest.raises(SettlementError, match="BOOK_SCOPE"):
            add(book, found(("C1", "1.00", "2.00")), other)
    for apart in (replace(SCOPE, kind="outpatient"), replace(SCOPE, month="2026-04")):
        assert add(book, found(("C1", "1.00", "2.00")), apart) is not None
    assert len(book.readings("demo", "2026-03")) == 2


def test_what_cannot_be_logged_is_not_entered(book: AdjustmentBook) -> None:
    def log(_: Reading) -> None:
        raise ServiceError("AUDIT_UNAVAILABLE")

    with pytest.raises(ServiceError):
        book.append(SCOPE, found(("C1", "1.00", "2.00")), actor="a", errand="e", at=AT, log=log)
    assert book.entries(SCOPE).num_rows == 0
    assert not list(book.folder.rglob("*.parquet*"))


@pytest.mark.parametrize("held", [b"", b"no table"])
def test_a_spoilt_file_is_told(book: AdjustmentBook, held: bytes) -> None:
    add(book, found(("C1", "1.00", "2.00")))
    next(book.folder.rglob("0001.parquet")).write_bytes(held)
    with pytest.raises(SettlementError, match="BOOK_UNUSABLE"):
        book.entries(SCOPE)
    with pytest.raises(SettlementError, match="BOOK_UNUSABLE"):
        book.readings("demo", "2026-03")


def test_a_file_with_other_columns_is_told(book: AdjustmentBook) -> None:
    import pyarrow as pa  # noqa: PLC0415 -- only here
    import pyarrow.parquet as pq  # noqa: PLC0415 -- as above

    add(book, found(("C1", "1.00", "2.00")))
    pq.write_table(pa.table({"a": [1]}), next(book.folder.rglob("0001.parquet")))
    with pytest.raises(SettlementError, match="BOOK_UNUSABLE"):
        book.entries(SCOPE)
    with pytest.raises(SettlementError, match="BOOK_UNUSABLE"):
        book.readings("demo", "2026-03")


def test_a_month_is_one(book: AdjustmentBook) -> None:
    with pytest.raises(SettlementError, match="SETTLE_PERIOD"):
        book.readings("demo", "../x")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    book = AdjustmentBook(tmp_path / "file" / "adjustments")
    for doing in (lambda: add(book, found()), lambda: book.name_of("X1")):
        with pytest.raises(ServiceError, match="ADJUSTMENTS_UNWRITABLE"):
            doing()


def test_another_writer_is_waited_for_and_then_told(book: AdjustmentBook) -> None:
    impatient = replace(book, longest=0.2)

    def log(_: Reading) -> None:
        with pytest.raises(ServiceError, match="ADJUSTMENTS_BUSY"):
            add(impatient, found(("C9", "1.00", "2.00")))

    book.append(SCOPE, found(("C1", "1.00", "2.00")), actor="a", errand="e", at=AT, log=log)
    assert book.entries(SCOPE)["case_id"].to_pylist() == ["C1"]


def test_a_number_is_called_the_same_and_not_told(book: AdjustmentBook, tmp_path: Path) -> None:
    name = book.name_of("Z00012345")
    assert name.startswith(adjustment_book.UNKNOWN)
    assert "12345" not in name
    assert AdjustmentBook(book.folder).name_of("Z00012345") == name != book.name_of("Z00012346")
    assert AdjustmentBook(tmp_path / "other").name_of("Z00012345") != name
    assert (book.folder / ".salt").stat().st_mode & 0o077 == 0


_ADD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_service_adjustments import add, found
from grouper.service.adjustment_book import AdjustmentBook
add(AdjustmentBook(Path(sys.argv[2])), found(("C1", "100.00", "90.00"), ("C2", "1.00", "5.00")))
"""


@pytest.mark.slow
def test_several_processes_add_the_same_once(book: AdjustmentBook) -> None:
    command = [sys.executable, "-c", _ADD, str(Path(__file__).parent), str(book.folder)]
    running = [subprocess.Popen(command) for _ in range(4)]
    assert [one.wait(60) for one in running] == [0, 0, 0, 0]
    assert book.entries(SCOPE)["amount"].to_pylist() == [D("-10.00"), D("4.00")]
    assert len(book.readings("demo", "2026-03")) == 1


def test_the_book_is_read_by_who_may_reconcile(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.sqlite'}", folder=tmp_path)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        AdjustmentBook.read_by(settings, PEOPLE["physician"])
    assert AdjustmentBook.read_by(settings, PEOPLE["office"]) == AdjustmentBook.at(settings)
