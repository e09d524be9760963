"""The tables an outlook reads: published months and running cases; and its own priced cases."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from outlook_support import DIP, at_hand, cases, declared, published, written
from settlement_support import LOCAL, D

from codebooks.errors import CodebookError, GrouperError
from codebooks.policies.policies import policies
from grouper.demo import bureau_months
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook import months
from grouper.forecast.outlook.cases import Cases, at_value
from grouper.forecast.outlook.published import Status, read_published
from grouper.forecast.outlook.running import draw
from grouper.forecast.outlook.running_file import read_running
from grouper.forecast.outlook.settings import Settings
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.month import settle_month
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.year import settle_year

HEAD = "month,insurance,method,total_points,point_value,own_points,budget,status,note\n"
GOOD = "2026-01,employee,dip_score,1000.5,5.4321,300,120000,final,\n"
OURS = Settings.shipped()


def put(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_months_and_days() -> None:
    assert months.month_of("2026-11") == 2026 * 12 + 10
    assert months.name_of(months.month_of("2026-11")) == "2026-11"
    assert months.at(date(2026, 11, 30)) == months.month_of("2026-11")
    assert months.day_of(months.number(date(2026, 2, 28)) + 1) == date(2026, 3, 1)
    assert months.day_of(months.last(2026 * 12 + 1)) == date(2026, 2, 28)
    assert months.weekday(months.number(date(2026, 11, 30))) == date(2026, 11, 30).weekday()
    for wrong in ("2026-13", "0000-01", "2026-1", "", "２０２６-01"):
        with pytest.raises(ForecastError, match="OUTLOOK_MONTH"):
            months.month_of(wrong)


def test_published_months_are_read(tmp_path: Path) -> None:
    more = (
        "2025-12,resident,dip_score,900,5,,,preliminary,\n2025-12,resident,dip_score,910,5.1,,,,\n"
    )
    found = read_published(put(tmp_path, HEAD + GOOD + more))
    assert found.pools == ((DIP, "employee"), (DIP, "resident"))
    (one,) = found.of_pool((DIP, "employee"))
    assert (one.points, one.value, one.own, one.budget) == (D("1000.5"), D("5.4321"), 300, 120000)
    # The final row stands in the place of the preliminary one.
    (other,) = found.of_pool((DIP, "resident"))
    assert (other.points, other.status) == (910, Status.FINAL)
    assert found.budget((DIP, "employee"), 2026) == 120000
    assert found.budget((DIP, "employee"), 2025) is None
    assert found.until(months.month_of("2025-12")).pools == ((DIP, "resident"),)


def test_a_preliminary_month_stands_until_the_final_one(tmp_path: Path) -> None:
    final, early = GOOD, GOOD.replace("final", "preliminary").replace("1000.5", "999")
    for order in (final + early, early + final):
        (one,) = read_published(put(tmp_path, HEAD + order)).months
        assert one.points == D("1000.5")
    (one,) = read_published(put(tmp_path, HEAD + early)).months
    assert one.status is Status.PRELIMINARY


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        ("2026-01", "2026-00", "OUTLOOK_MONTH", "month"),
        ("employee", "worker", "OUTLOOK_WORD", "insurance"),
        ("dip_score", "DIP 分值", "OUTLOOK_WORD", "method"),
        ("1000.5", "1,000.5", "TABLE_ROW_WIDTH", None),
        ("1000.5", "-1", "OUTLOOK_NUMBER", "total_points"),
        ("1000.5", "0", "OUTLOOK_NUMBER", "total_points"),
        ("1000.5", "", "OUTLOOK_NUMBER", "total_points"),
        ("5.4321", "5.4元", "OUTLOOK_NUMBER", "point_value"),
        (",300,", ",1000.6,", "OUTLOOK_OWN", "own_points"),
        ("120000", "1e5", "OUTLOOK_NUMBER", "budget"),
        ("final", "maybe", "OUTLOOK_WORD", "status"),
    ],
)
def test_a_published_row_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, code: str, column: str | None
) -> None:
    with pytest.raises(GrouperError) as found:
        read_published(put(tmp_path, HEAD + GOOD.replace("01,", "02,", 1) + GOOD.replace(old, new)))
    assert (found.value.code, found.value.where.row) == (code, 3)
    assert (found.value.where.file, found.value.where.column) == ("table.csv", column)
    assert found.value.describe("en").startswith(f"[{code}]")


def test_a_month_published_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="OUTLOOK_ROW_TWICE"):
        read_published(put(tmp_path, HEAD + GOOD + GOOD))
    with pytest.raises(CodebookError, match="TABLE_COLUMN_MISSING"):
        read_published(put(tmp_path, "month\n2026-01\n"))


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.text("0123456789-.,\"' \nemployfinaldp_score点", max_size=60), max_size=5))
def test_any_text_is_read_or_refused_with_a_declared_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    body = "\n".join(rows)
    for head, read in (
        (HEAD, read_published),
        (RUNNING, lambda path: read_running(path, OURS)),
    ):
        assert declared(partial(read, put(folder, head + body)))


def test_the_shipped_series_is_made_from_its_own_points(tmp_path: Path) -> None:
    """The invented months follow from the hospital's points, the policy and the stated chance."""
    found = read_published(put(tmp_path, bureau_months.shipped()))
    own = [
        bureau_months.OwnPoints(months.name_of(one.month), *one.pool, one.own)
        for one in found.months
        if one.own is not None
    ]
    assert len(own) == len(found.months) == 96
    assert bureau_months.published(own, policies()) == bureau_months.shipped()
    # All of it says that it is invented.
    assert all(row.endswith(",虚构") for row in bureau_months.shipped().splitlines()[1:])


# ---- running cases

RUNNING = (
    "case_id,method,insurance,discharge,discharge_low,discharge_high,point_value,"
    "amount_low,amount,amount_high,fund_low,fund,fund_high,surplus_low,surplus,surplus_high\n"
)
STAY = "R1,dip_score,employee,2026-03-05,2026-03-03,2026-03-09,5,100,200,400,50,100,300,-9,0,9\n"


def test_running_cases_are_read(tmp_path: Path) -> None:
    text = RUNNING + STAY + "R2,,,2026-03-05,,,,,,,,,,,,\n"
    one, other = read_running(put(tmp_path, text), OURS)
    assert (one.known, one.part, one.value) == (True, (DIP, "employee"), 5.0)
    assert one.level == OURS["running"]["level"]
    assert one.leaves == tuple(months.number(date(2026, 3, day)) for day in (3, 5, 9))
    assert one.amounts["fund"] == (50.0, 100.0, 300.0)
    assert (other.known, other.part) == (False, (None, None))
    (known,) = read_running(put(tmp_path, RUNNING + STAY), OURS, {"R1": ("x", "resident")})
    assert known.part == (DIP, "employee")


def test_a_file_of_forecasts_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Bounds as ``_low``, ``_middle``, ``_high``; the discharge out of the day and the whole stay."""
    row = {
        "case_id": "R1",
        "as_of": datetime(2026, 3, 4, tzinfo=LOCAL),
        "day": 3,
        "level": 0.8,
        "model": "m",
        **{
            f"los_{end}": days
            for end, days in zip(("low", "middle", "high"), (4, 6, 9), strict=True)
        },
    }
    for name in ("amount", "fund", "surplus"):
        row |= {f"{name}_low": D(1), f"{name}_middle": D(2), f"{name}_high": D(4)}
        row[f"{name}_mean"] = D("2.50")
    refused = {**dict.fromkeys(row), "case_id": "R2"}
    path = tmp_path / "running.parquet"
    pq.write_table(pa.Table.from_pylist([row, refused]), path)
    one, other = read_running(path, OURS, {"R1": (DIP, "resident")})
    assert one.part == (DIP, "resident")
    # Admitted on the first of March.
    assert one.leaves == tuple(months.number(date(2026, 3, day)) for day in (5, 7, 10))
    assert one.means["fund"] == 2.5
    assert (one.level, one.known, other.known) == (0.8, True, False)


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        ("R1", "", "OUTLOOK_CASE", "case_id"),
        ("employee", "worker", "OUTLOOK_WORD", "insurance"),
        ("2026-03-05", "5 March", "OUTLOOK_DATE", "discharge"),
        ("2026-03-03", "2026-03-06", "OUTLOOK_BOUNDS", "discharge"),
        (",5,", ",0,", "OUTLOOK_AMOUNT", "point_value"),
        ("400", "much", "OUTLOOK_AMOUNT", "amount_high"),
        ("400", "1e13", "OUTLOOK_AMOUNT", "amount_high"),
        ("400", "nan", "OUTLOOK_AMOUNT", "amount_high"),
        (",50,", ",101,", "OUTLOOK_BOUNDS", "fund"),
    ],
)
def test_a_running_case_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, code: str, column: str
) -> None:
    with pytest.raises(ForecastError) as found:
        read_running(put(tmp_path, RUNNING + STAY.replace(old, new)), OURS)
    assert (found.value.code, found.value.where.row) == (code, 2)
    assert found.value.where.column == column
    assert "R1" not in str(found.value)


def test_files_of_running_cases_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="OUTLOOK_CASE_TWICE"):
        read_running(put(tmp_path, RUNNING + STAY + STAY), OURS)
    with pytest.raises(ForecastError, match="OUTLOOK_RUNNING_FILE"):
        read_running(put(tmp_path, "no", "x.parquet"), OURS)
    pq.write_table(pa.table({"other": [1]}), tmp_path / "y.parquet")
    with pytest.raises(ForecastError, match="OUTLOOK_RUNNING_COLUMN"):
        read_running(tmp_path / "y.parquet", OURS)
    pq.write_table(pa.table({"case_id": ["a"], "level": [1.5]}), tmp_path / "z.parquet")
    with pytest.raises(ForecastError, match="OUTLOOK_AMOUNT"):
        read_running(tmp_path / "z.parquet", OURS)
    day = pa.table({"case_id": ["a"], "discharge": [date(2026, 3, 5)]})
    pq.write_table(day, tmp_path / "d.parquet")
    (one,) = read_running(tmp_path / "d.parquet", OURS)
    assert one.leaves == (months.number(date(2026, 3, 5)),) * 3


def test_running_cases_are_drawn_as_their_bounds_say(tmp_path: Path) -> None:
    (one,) = read_running(put(tmp_path, RUNNING + STAY), OURS)
    part = (DIP, "employee")
    as_of, march = months.number(date(2026, 3, 1)), months.month_of("2026-03")
    found = draw([one], [march, march + 1], as_of, OURS, part)
    assert found.counts[:, 0].all()
    assert not found.counts[:, 1].any()
    # Fixed + slope × the value they rest on is the amount itself.
    amount = found.fixed[:, 0, 0] + found.slope[:, 0, 0] * 5
    assert np.mean((amount >= 100) & (amount <= 400)) == pytest.approx(0.9, abs=0.03)
    assert np.median(amount) == pytest.approx(200, abs=10)
    # A payment that follows points moves wholly with the point value, and the fund's part with it.
    assert found.fixed[:, 0, 0] == pytest.approx(0)
    assert found.slope[:, 0, 1] == pytest.approx(found.slope[:, 0, 0])
    # Who should have left is still there: he leaves on the next day at the earliest.
    late = draw([one], [march, march + 1], months.number(date(2026, 3, 31)), OURS, part)
    assert late.counts[:, 1].all()


# ---- priced cases


def read_cases(tmp_path: Path, table: pa.Table) -> tuple[Cases, Priced]:
    policy = at_hand(tmp_path).on("demo", date(2026, 12, 31))
    priced = Priced.of(table, policy)
    return Cases.of(priced, Looked(policy).rounding("money")), priced


def test_sums_of_closed_cases_are_those_of_the_settlement(tmp_path: Path) -> None:
    table = cases()
    found, _ = read_cases(tmp_path, table)
    march = months.month_of("2025-03")
    hand = at_hand(tmp_path / "again")
    settled = settle_month(table, region="demo", month="2025-03", at_hand=hand)
    for part in settled.parts:
        rows = found.rows((part.method, part.insurance), months.first(march), months.last(march))
        exact = found.exact(rows, None)
        assert exact.cases == part.sums.cases
        for name in ("amount", "booked", "surplus"):
            assert getattr(exact, name) == getattr(part.sums, name), name
        assert exact.fund == part.sums.fund
        about = at_value(found.sum(rows), float(np.nan_to_num(found.values[rows]).max()))
        assert about["booked"] == pytest.approx(float(exact.booked))
    # At another point value as the year is cleared.
    final = {(DIP, "resident"): D("4.8")}
    year = settle_year(table, region="demo", year=2025, at_hand=hand, point_values=final)
    (part,) = [one for one in year.parts if (one.method, one.insurance) == (DIP, "resident")]
    rows = found.rows((DIP, "resident"), months.first(2025 * 12), months.last(2025 * 12 + 11))
    gross = found.exact(rows, D("4.8")).fund
    assert part.value("gross_difference") == round(Decimal(gross.numerator) / gross.denominator, 6)
    assert at_value(found.sum(rows), 4.8)["fund"] == pytest.approx(float(gross))


@settings(max_examples=examples(5), deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rng: object
) -> None:
    table = cases(2)
    order = list(range(len(table)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    one, _ = read_cases(tmp_path_factory.mktemp("one"), table)
    other, _ = read_cases(tmp_path_factory.mktemp("other"), table.take(order))
    assert one.parts == other.parts
    assert np.array_equal(one.base, other.base)
    assert np.array_equal(one.sums, other.sums)


def test_what_lies_after_the_day_is_not_known(tmp_path: Path) -> None:
    found, priced = read_cases(tmp_path, cases(2))
    day = months.number(date(2025, 1, 20))
    cut = found.until(day)
    rows = cut.rows((DIP, "employee"), found.begins, day + 30)
    assert cut.days[rows].max() <= day
    assert cut.rows(("other", None), 0, day) == slice(0, 0)
    table = cases(2).slice(0, 3)
    place = table.column_names.index("discharge_time")
    gone = pa.nulls(3, table.schema.field(place).type)
    empty, _ = read_cases(tmp_path / "none", table.set_column(place, "discharge_time", gone))
    assert (empty.undated, len(empty.days)) == (3, 0)
    assert len(priced) > 3


def test_a_published_table_can_be_written_and_read(tmp_path: Path) -> None:
    known = published(3)
    found = read_published(put(tmp_path, written(known)))
    assert found.months == known.months
