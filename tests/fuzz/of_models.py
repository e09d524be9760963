"""Forecasts: archives, models as files, approvals, outlooks; and the mart of the pages."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

import forecast_registry_support as registry_support
import pyarrow as pa
from harness import REPOSITORY
from mart_support import fact, write_mart
from outlook_support import published
from outlook_support import written as published_words
from parquets import changed, flipped, packed, parquet
from written import folder, written

from grouper.case.fields import CASE_SCHEMA
from grouper.cli.forecast_outlook import _document as outlook_document
from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.archive import read_archive
from grouper.forecast.benchmark.columns import shipped as benchmark_columns
from grouper.forecast.benchmark.reading import read_stays
from grouper.forecast.boost import Booster
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.outlook.published import Published, read_published
from grouper.forecast.outlook.running_file import read_running
from grouper.forecast.outlook.score import against, score
from grouper.forecast.outlook.settings import Settings
from grouper.forecast.registry.approvals import APPROVALS, approvals, current
from grouper.forecast.registry.card import read_card
from grouper.forecast.registry.card_pages import page
from grouper.forecast.registry.card_words import words_of
from grouper.forecast.registry.inspection import inspect
from grouper.forecast.registry.keeping import check, keep, stored
from grouper.forecast.registry.places import shelf
from grouper.forecast.registry.provenance import sources_hash
from grouper.forecast.ubjson import loads
from grouper.mart.mart import Mart

if TYPE_CHECKING:
    from collections.abc import Callable

    from draw import Draw

_MADE = REPOSITORY / "out" / "fuzz" / "made"


@cache
def _archive() -> dict[str, bytes]:
    rows = []
    for number in range(3):
        row: dict[str, Any] = dict.fromkeys(CASE_SCHEMA.names)
        row |= {
            "case_id": f"N{number}",
            "kind": "inpatient",
            "dx": ["K80.101"],
            "sex": 1,
            "age": 45,
        }
        row |= {"admission_time": 1_767_000_000_000, "discharge_time": 1_767_300_000_000}
        rows.append({name: value for name, value in row.items() if value is not None})
    cases = pa.Table.from_pylist(
        [{k: v for k, v in row.items() if not k.endswith("_time")} for row in rows],
        pa.schema([CASE_SCHEMA.field(n) for n in ("case_id", "kind", "dx", "sex", "age")]),
    )
    for name in ("admission_time", "discharge_time"):
        kind = CASE_SCHEMA.field(name).type
        cases = cases.append_column(
            name,
            pa.array([row[name] for row in rows])
            .cast(pa.timestamp("ms", "Asia/Shanghai"))
            .cast(kind),
        )
    charges = pa.table(
        {
            "case_id": ["N0", "N1"],
            "line_class": ["1", "2"],
            "line_amount": [1.5, 2.5],
            "line_quantity": [1.0, 1.0],
            "line_item": ["A", "B"],
            "line_time": pa.array([0, 1], pa.timestamp("ms", "Asia/Shanghai")),
        }
    )
    return {"cases": packed(cases), "charges": packed(charges)}


def forecast_archive(draw: Draw) -> None:
    """Stays and charge lines to learn from (Parquet)."""
    good = dict(_archive())
    name = draw.of(("cases", "charges"))
    good[name] = parquet(draw, good[name])
    with folder({f"{one}.parquet": raw for one, raw in good.items()}) as place:
        found = read_archive([place / "cases.parquet"], [place / "charges.parquet"])
        _ = found.data_hash
        _ = found.ends


_RUNNING = [
    [
        *("case_id", "method", "insurance", "discharge", "discharge_low", "discharge_high"),
        *("point_value", "level", "as_of", "day", "los_low", "los_middle", "los_high"),
        *("points_low", "points_middle", "points_high", "amount_low", "amount", "amount_high"),
    ],
    [
        *("C1", "dip_score", "employee", "2026-11-10", "2026-11-09", "2026-11-12"),
        *("5.2", "0.9", "2026-11-05", "3", "4", "5", "7"),
        *("1", "2", "3", "10.5", "20", "30"),
    ],
]


def outlook_tables(draw: Draw) -> None:
    """Published months and running stays of an outlook (CSV, Parquet)."""
    kind = draw.number(3)
    if kind == 0:
        lines = [line.split(",") for line in published_words(published()).splitlines()[:4]]
        with written(draw.csv([lines]), "m.csv") as path:
            read_published(path)
    elif kind == 1:
        with written(draw.csv([_RUNNING]), "r.csv") as path:
            read_running(path, Settings.shipped())
    else:
        table = pa.table([pa.array([cell]) for cell in _RUNNING[1]], names=_RUNNING[0])
        with written(parquet(draw, packed(table)), "r.parquet") as path:
            read_running(path, Settings.shipped())


@cache
def _outlook() -> dict[str, Any]:
    figure = {"expected": "5.2", "intervals": [{"level": "0.9", "low": "5", "high": "5.5"}]}
    part = {
        "method": "dip_score",
        "insurance": "employee",
        "point_value": figure,
        "surplus": figure,
    }
    periods = [
        {"name": name, "whole": {"points": figure}, "parts": [part], "over": False}
        for name in ("2026-11", "2026")
    ]
    told = {"month": "2026-11", "as_of": "2026-11-05", "region": "demo", "periods": periods}
    return {"format": 1, "kind": "outlook", **told}


def outlook_scored(draw: Draw) -> None:
    """An outlook as it was written, held against what came (JSON)."""
    with written(draw.json([_outlook()]), "o.json") as path:
        told = outlook_document(path)
    score(told, Published.of([*published().months]))
    against(told, _outlook())
    against(_outlook(), told)


def benchmark_file(draw: Draw) -> None:
    """Stays of the public benchmark (CSV, gzip)."""
    columns = benchmark_columns()
    head = [one.column for one in columns.features.values()]
    rows = [[*head, columns.target], [*(["1"] * len(head)), "12.5"]]
    content = draw.csv([rows])
    if draw.number(4) == 0:
        import gzip  # noqa: PLC0415 -- for this alone

        content = gzip.compress(content)
        content = content[: draw.number(len(content) + 1)]
    with written(content, "s.csv") as path:
        read_stays(path, columns)


@cache
def _trees() -> bytes:
    return registry_support.raw_trees()


def model_trees(draw: Draw) -> None:
    """Trees as UBJSON, before the library sees them and when it does."""
    raw = draw.rest() if draw.raw_wanted() else flipped(draw, _trees())
    for one in (loads, lambda found: Booster.read(found, registry_support.NAMES)):
        try:
            one(raw)
        except ValueError as error:
            str(error)


@cache
def _kept() -> dict[str, bytes]:
    """A kept model as it lies on its shelf: its card and files."""
    card = keep("fuzz", registry_support.files(), registry_support.MADE)
    place = shelf("fuzz") / card.id
    return {one.name: one.read_bytes() for one in place.iterdir()} | {"": card.id.encode()}


def model_folder(draw: Draw) -> None:
    """A kept model: its card, its files, its list of approvals."""
    good = dict(_kept())
    model = good.pop("").decode()
    kind = draw.number(3)
    if kind == 0:
        entry = {"action": "approve", "id": model, "card_sha256": "0" * 64, "by": "a", "why": ""}
        told = {"version": 1, "approvals": [entry | {"at": "2026-11-05T10:00:00+08:00"}]}
        path = shelf("fuzz") / APPROVALS
        path.write_bytes(draw.json([told]))
        try:
            approvals("fuzz")
            current("fuzz")
        finally:
            path.unlink()
        return
    if kind == 1:
        card = json.loads(good["card.json"])
        found = read_card(draw.json([card]))
        for lang in ("zh", "en"):
            page(words_of(found, (), lang), lang)
        return
    name = draw.of(sorted(good))
    files = {
        name: draw.json([{"version": 1}]) if name.endswith("json") else flipped(draw, good[name])
    }
    place = shelf("fuzz") / model
    (place / name).write_bytes(files[name])
    try:
        check("fuzz", model)
        inspect(files)
        stored("fuzz", model)
    finally:
        (place / name).write_bytes(good[name])


def _made_once(name: str, make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Files that take seconds to make, kept as long as the sources are the same."""
    path = _MADE / f"{name}-{sources_hash()[:16]}.zip"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for one, raw in make().items():
                archive.writestr(one, raw)
        path.write_bytes(out.getvalue())
    with zipfile.ZipFile(path) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


@cache
def _groups() -> dict[str, bytes]:
    def make() -> dict[str, bytes]:
        from forecast_groups_support import taught  # noqa: PLC0415 -- takes seconds

        return dict(taught()[0].files())

    return _made_once("groups", make)


@cache
def _amounts() -> dict[str, bytes]:
    def make() -> dict[str, bytes]:
        from forecast_amounts_support import model  # noqa: PLC0415 -- takes seconds

        return dict(model().files())

    return _made_once("amounts", make)


def _arrow_changed(draw: Draw, raw: bytes) -> bytes:
    if draw.number(4) == 0:
        return flipped(draw, raw)
    table = changed(draw, pa.ipc.open_file(pa.BufferReader(raw)).read_all())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _model_changed(draw: Draw, good: dict[str, bytes]) -> dict[str, bytes]:
    name = draw.of([*sorted(good), "model.json"])
    if name.endswith(".json"):
        return good | {name: draw.json([json.loads(good[name])])}
    if name.endswith(".arrow"):
        return good | {name: _arrow_changed(draw, good[name])}
    return good | {name: flipped(draw, good[name])}


def model_groups(draw: Draw) -> None:
    """The files of a model of groups, and the setup of a whole one."""
    if draw.number(4) == 0:
        setup = {
            "region": "demo",
            "scheme": None,
            "titles": {"A": "a"},
            "about": {"schemes": []},
            "lacking": {"x": 0.5},
            "vocabulary": {"department": ["D1"]},
        }
        Forecaster.read({"forecaster.json": draw.json([setup])})
        return
    GroupModel.read(_model_changed(draw, _groups()))


def model_amounts(draw: Draw) -> None:
    """The files of a model of costs and stays."""
    AmountModel.read(_model_changed(draw, _amounts()))


@cache
def _mart() -> dict[str, bytes]:
    with folder({}) as place:
        write_mart(place / "mart", [fact(1), fact(2)])
        return {one.name: one.read_bytes() for one in (place / "mart").iterdir()}


def mart_folder(draw: Draw) -> None:
    """A mart: its manifest and its files."""
    good = dict(_mart())
    name = draw.of([*sorted(good), "manifest.json"])
    if name == "manifest.json":
        good[name] = draw.json([json.loads(good[name])])
    else:
        good[name] = parquet(draw, good[name])
    with folder(good) as place:
        Mart.open(place).close()


def _ready(make: Callable[[], dict[str, bytes]]) -> list[bytes]:
    """No document; but what takes seconds is made before any input is timed."""
    make()
    return []


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "model_trees": lambda: [_trees()],
    "model_groups": lambda: _ready(_groups),
    "model_amounts": lambda: _ready(_amounts),
}
