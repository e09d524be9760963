"""The hospital on disk: month by month, each whole or not there, going on where it was left.

The folder holds ``inpatient/``, ``outpatient/``, ``long_stay/`` and ``charges/`` with one Parquet
file a month (of discharge), ``planted.csv`` and ``hospital.json``. docs/DEMO_HOSPITAL.md describes
them.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.registry import registry
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.months import Hospital
from grouper.demo.hospital.plan import month_name
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.truth import stay_ids, voids
from grouper.demo.hospital.writing import (
    FORMAT,
    KINDS,
    about,
    as_plain,
    file_hash,
    fingerprint,
    from_plain,
    write_table,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from grouper.demo.hospital.months import MonthTables
    from grouper.demo.hospital.plan import Plan
    from grouper.demo.hospital.planting import Planted

MANIFEST, PLANTED = "hospital.json", "planted.csv"
PLANTED_COLUMNS = (
    "month",
    "case_id",
    "lines",
    "kind",
    "sort",
    "rule",
    "amount",
    "description",
    "void",
)
"""Columns of ``planted.csv``: ``lines`` are numbers of charge lines with blanks between them,
``sort`` is ``violation`` or ``fault``, ``amount`` is in yuan; ``void`` says why nobody can see it
(:mod:`grouper.demo.hospital.truth`), empty where it can be seen."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Attributes:
        manifest: the content of ``hospital.json``.
        written: how many months were written now.
        kept: how many were whole already.
    """

    manifest: Mapping[str, Any]
    written: int
    kept: int


def make_hospital(out: Path, plan: Plan, progress: Callable[[int], None] | None = None) -> Made:
    """Make the hospital, or what is missing of it.

    Args:
        out: the folder; months of the same order that it holds are kept.
        plan: the order.
        progress: told the number of months that are done.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_OTHER`` (the folder holds months of another order),
            ``DEMO_HOSPITAL_WRITE``, ``DEMO_HOSPITAL_TABLE``.
        CodebookError: the scheme's book is not at hand.
    """
    mark = fingerprint(plan)
    _refuse_others(out, mark)
    hospital: Hospital | None = None
    written = kept = 0
    for done, month in enumerate(plan, 1):
        if _whole(out, month, mark):
            kept += 1
        else:
            hospital = hospital or Hospital(plan.seed, plan.scale)
            _write(out, month, hospital.month(month), mark)
            written += 1
        if progress:
            progress(done)
    return Made(_finish(out, plan, mark), written, kept)


def _path(out: Path, kind: str, month: str) -> Path:
    return out / kind / f"{month}.parquet"


def _months(out: Path) -> list[str]:
    return sorted(path.stem for path in (out / KINDS[-1]).glob("????-??.parquet"))


def _refuse_others(out: Path, mark: str) -> None:
    for kind in KINDS:
        for path in sorted((out / kind).glob("????-??.parquet")):
            said = about(path)
            if said is not None and said["fingerprint"] != mark:
                raise HospitalError("DEMO_HOSPITAL_OTHER", Where(file=f"{kind}/{path.name}"))


def _whole(out: Path, month: int, mark: str) -> bool:
    said = [about(_path(out, kind, month_name(month))) for kind in KINDS]
    return all(one is not None and one["fingerprint"] == mark for one in said)


def _write(out: Path, month: int, tables: MonthTables, mark: str) -> None:
    name = month_name(month)
    for kind in KINDS:
        table = getattr(tables, kind)
        said: dict[str, Any] = {"fingerprint": mark, "rows": table.num_rows}
        if kind == KINDS[-1]:
            # Kept with the month, so that the list can be written again after an interruption.
            said["planted"] = as_plain(tables.planted)
        write_table(_path(out, kind, name), table, said)


def _finish(out: Path, plan: Plan, mark: str) -> dict[str, Any]:
    """Write the list of what was planted and the manifest, over all months of the folder."""
    counts: dict[str, dict[str, int]] = {}
    files: dict[str, str] = {}
    planted: list[tuple[str, Planted, str]] = []
    months = _months(out)
    stays = stay_ids([_path(out, KINDS[-1], month) for month in months])
    for month in months:
        said = {kind: about(_path(out, kind, month)) or {} for kind in KINDS}
        counts[month] = {kind: said[kind].get("rows", 0) for kind in KINDS}
        own = from_plain(said[KINDS[-1]].get("planted", []))
        counts[month]["planted"] = len(own)
        why = voids(own, _path(out, "charges", month), stays)
        planted += [(month, one, void) for one, void in zip(own, why, strict=True)]
        files |= {
            f"{kind}/{month}.parquet": file_hash(_path(out, kind, month))
            for kind in KINDS
            if _path(out, kind, month).is_file()
        }
    write_text(out / PLANTED, _planted_text(planted))
    files[PLANTED] = file_hash(out / PLANTED)
    own_plan = toml("hospital.toml")
    scheme = own_plan["hospital"]["scheme"]
    manifest = {
        "format": FORMAT,
        "statement": own_plan["hospital"]["statement"],
        "hospital": {key: own_plan["hospital"][key] for key in ("code", "name", "region")},
        "seed": plan.seed,
        "scale": plan.scale,
        "fingerprint": mark,
        "scheme": {"id": scheme, "content_sha256": registry().book(scheme).content_hash()},
        "departments": {row["code"]: row["name"] for row in own_plan["departments"]},
        "totals": {key: sum(one[key] for one in counts.values()) for key in (*KINDS, "planted")},
        "months": counts,
        "planted": _counted(one.kind for _, one, _ in planted),
        "void": _counted(void for *_, void in planted if void),
        "files": files,
    }
    write_text(out / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    return manifest


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _planted_text(planted: list[tuple[str, Planted, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PLANTED_COLUMNS)
    for month, one, void in planted:
        fen = one.amount or 0
        writer.writerow(
            (
                month,
                one.case_id,
                " ".join(map(str, one.lines)),
                one.kind,
                one.sort,
                one.rule,
                f"{fen // 100}.{fen % 100:02d}",
                one.text,
                void,
            )
        )
    return text.getvalue()
