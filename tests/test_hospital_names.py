"""What the hospital calls its departments and physicians: the tables, and how pages show them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from codebooks.errors import CodebookError
from codebooks.hospital_names import KINDS, hospital_names
from dashboards.frame import labels
from grouper.demo.hospital.tables import toml
from grouper.demo.serve_names import write_names
from grouper.mart.slices import Axis
from grouper.service.hospital_names import names_at_hand

Writes = Callable[..., None]
HEAD = "code,name,valid_from,valid_to"


@pytest.fixture
def writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Write the table of departments into the hospital's data folder."""
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))

    def write(*rows: str, file: str = KINDS["department"], head: str = HEAD) -> None:
        (tmp_path / file).write_text("\n".join((head, *rows)), "utf-8")

    return write


def test_a_name_holds_on_its_days(writes: Writes, tmp_path: Path) -> None:
    writes("03.03,神经科,,2026-03-01", "03.03,神经内科,2026-03-01,", "03.04,心内科,,")
    found = hospital_names(tmp_path)
    assert found.name("department", "03.03", date(2026, 2, 28)) == "神经科"
    assert found.name("department", "03.03", date(2026, 3, 1)) == "神经内科"
    assert found.name("department", "03.03") == "神经内科"
    assert found.name("department", "09") is None
    assert found.name("physician", "D1") is None
    assert found.last("department") == {"03.03": "神经内科", "03.04": "心内科"}


def test_a_day_without_a_name_has_the_last_one(writes: Writes, tmp_path: Path) -> None:
    writes("1,甲,2025-01-01,2025-06-01")
    assert hospital_names(tmp_path).name("department", "1", date(2026, 1, 1)) == "甲"


@pytest.mark.parametrize(
    ("rows", "code", "column"),
    [
        (("1,,,",), "NAMES_EMPTY", "name"),
        ((",甲,,",), "NAMES_EMPTY", "code"),
        (("1,甲,2026-13-01,",), "NAMES_DAY", "valid_from"),
        (("1,甲,,昨天",), "NAMES_DAY", "valid_to"),
        (("1,甲,2026-02-01,2026-02-01",), "NAMES_OVERLAP", None),
        (("1,甲,,2026-02-02", "1,乙,2026-02-01,"), "NAMES_OVERLAP", None),
        (("1,甲,,", "1,甲,,"), "NAMES_OVERLAP", None),
    ],
    ids=["name", "code", "from", "to", "backwards", "overlap", "twice"],
)
def test_a_faulty_row_is_named(
    writes: Writes, tmp_path: Path, rows: tuple[str, ...], code: str, column: str | None
) -> None:
    writes(*rows)
    with pytest.raises(CodebookError) as caught:
        hospital_names(tmp_path)
    assert caught.value.code == code
    assert (caught.value.where.row, caught.value.where.column) == (len(rows) + 1, column)


def test_a_table_that_changed_is_read_again_and_a_faulty_one_stops_nothing(
    writes: Writes, tmp_path: Path
) -> None:
    assert names_at_hand().last("department") == {}
    writes("03.03,神经内科,,")
    assert names_at_hand() is names_at_hand()
    assert labels.department("03.03") == "03.03 神经内科"
    writes("03.03,神经科,,", head=HEAD)
    os.utime(tmp_path / KINDS["department"], ns=(1, 1))
    assert labels.department("03.03") == "03.03 神经科"
    writes("03.03,,,")
    assert labels.department("03.03") == "03.03"


def test_labels_name_departments_and_physicians(writes: Writes) -> None:
    writes("03.03,神经内科", head="code,name")
    writes("D1,甲医师", file=KINDS["physician"], head="code,name")
    assert labels.physician("D1") == "D1 甲医师"
    assert labels.department(None) == labels.department("") == "—"
    # What the mart was built with is what there is where the table has no name.
    assert labels.label(Axis.DEPARTMENT, "03.03", "旧名", "zh") == "03.03 神经内科"
    assert labels.label(Axis.DEPARTMENT, "05", "妇产科", "zh") == "05 妇产科"
    assert labels.label(Axis.DEPARTMENT, "骨科", "骨科", "zh") == "骨科"
    assert labels.departments(None) == ["03.03"]
    assert labels.departments(("05",)) == ["05"]


def test_the_demonstration_hands_in_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    rows = toml("hospital.toml")["departments"]
    assert write_names(tmp_path / "data") == sum(1 + row["physicians"] for row in rows)
    assert labels.department("03.03") == "03.03 神经内科"
    assert labels.physician("D030301").startswith("D030301 甲医师")
    assert len(names_at_hand().last("physician")) == sum(row["physicians"] for row in rows)
