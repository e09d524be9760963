"""Schemes and catalogues: as bureaus publish them, and as they lie installed."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import workbook_builder
from apg_small import small_book as small_apg
from catalogue_support import DAY, HEAD, WESTERN, drug, mapped, service
from dip_workbook import official
from import_support import OPTIONS as DRG_OPTIONS
from import_support import parses
from parquets import of_rows, parquet
from test_dip_import_city import HEADER as CITY_HEAD
from test_dip_import_city import OPTIONS as CITY_OPTIONS
from test_dip_import_city import ROWS as CITY_ROWS
from test_import_folder import CARD, ROWS, content_of
from workbooks import workbook
from written import folder, written

from codebooks import paths, storage
from codebooks.apg.exporting import write_folder
from codebooks.apg.importer import import_apg
from codebooks.catalogues.catalogue import Catalogue, Catalogues
from codebooks.catalogues.forms import form as catalogue_form
from codebooks.catalogues.history import history_schema
from codebooks.catalogues.importer import CatalogueOptions, read_catalogue
from codebooks.codes import CodeSet
from codebooks.crosswalk import Crosswalk
from codebooks.dip.importers.detect import looks_like_dip
from codebooks.dip.importers.importing import import_dip
from codebooks.importers.folder import import_folder
from codebooks.importers.options import NONE, ImportOptions
from codebooks.importers.workbook import import_workbook
from codebooks.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from draw import Draw


@cache
def _scheme() -> dict[str, bytes]:
    """A small book as it lies in the data folder."""
    with folder({}) as place:
        storage.write_book(small_apg(), place / "schemes" / small_apg().card.id)
        return _files(place)


def _files(place: Path) -> dict[str, bytes]:
    return {
        one.relative_to(place).as_posix(): one.read_bytes()
        for one in sorted(place.rglob("*"))
        if one.is_file()
    }


def _one_changed(draw: Draw, good: dict[str, bytes]) -> dict[str, bytes]:
    """A folder of which one file is changed: JSON as JSON, anything else byte by byte."""
    name = draw.of(list(good))
    if name.endswith(".json"):
        return good | {name: draw.json([json.loads(good[name])])}
    if name.endswith(".parquet"):
        return good | {name: parquet(draw, good[name])}
    return good | {name: draw.document([good[name]])}


def scheme_folder(draw: Draw) -> None:
    """An installed scheme: its manifest and tables."""
    with folder(_one_changed(draw, _scheme())) as place:
        one = next((place / "schemes").iterdir())
        storage.read_card(one)
        storage.verify_book(one)


@cache
def _empty_shelf() -> dict[str, bytes]:
    return {
        "shipped/regions.csv": b"region,name,parent,aliases\nnational,N,,\n",
        "shipped/bindings.csv": b"region,kind,scheme,valid_from,valid_to,source\n",
    }


def scheme_registry(draw: Draw) -> None:
    """What is installed, as every command looks for it first."""
    files = {f"own/{name}": content for name, content in _one_changed(draw, _scheme()).items()}
    with folder(_empty_shelf() | files) as place:
        Registry(place / "shipped", place / "own")


@cache
def _codes() -> dict[str, bytes]:
    base = paths.shipped()
    found = {}
    for shelf, name in (
        ("codes", "icd9cm3-nhsa-2.0"),
        ("crosswalks", "icd9cm3-clinical-3.0--icd9cm3-nhsa-2.0"),
    ):
        lies = base / shelf / name
        manifest = json.loads((lies / "manifest.json").read_bytes())
        manifest["counts"] = dict.fromkeys(manifest["counts"], 3)
        found[f"{name}/manifest.json"] = json.dumps(manifest).encode()
        table = next(lies.glob("*.parquet"))
        found[f"{name}/{table.name}"] = of_rows(table, 3)
    return found


def code_folders(draw: Draw) -> None:
    """A code set and a crosswalk of the data folder."""
    with folder(_one_changed(draw, _codes())) as place:
        for one in sorted(place.iterdir()):
            known = Crosswalk(one) if "--" in one.name else CodeSet(one)
            known.verify()


@cache
def _catalogues() -> dict[str, list[list[Any]]]:
    return {
        "drugs": [HEAD["drugs"], drug(WESTERN[0]), drug(WESTERN[1], "乙", share="10%")],
        "services": [HEAD["services"], service("001101000010000")],
        "materials": [HEAD["materials"], ["C" + "0" * 26, "虚构", "型", "12.3"]],
        "grey": [HEAD["grey"], [WESTERN[0], "虚构", "原因", "2026-01-05", ""]],
        "mapping": [HEAD["mapping"], mapped("H1", WESTERN[0]), mapped("H1", WESTERN[1])],
    }


def catalogue_list(draw: Draw) -> None:
    """A list of drugs, services, materials, or the hospital's mapping (xlsx, CSV)."""
    kind = draw.of(list(_catalogues()))
    rows = _catalogues()[kind]
    comma = draw.number(3) == 0
    content = draw.csv([rows]) if comma else workbook(draw, {"目录": rows})
    with written(content, "list.csv" if comma else "list.xlsx") as path:
        options = CatalogueOptions(valid_from=DAY)
        made = read_catalogue(kind, path, options, Catalogues(path.parent / "none"))
        made.report.to_text("en")


@cache
def _kept_catalogue() -> dict[str, bytes]:
    one = {
        "number": 1,
        "file": "x.csv",
        "sha256": "0" * 64,
        "source": "x",
        "valid_from": "2026-01-01",
        "whole": True,
        "rows": 1,
        "left_out": 0,
        "imported": "2026-01-01T00:00:00+08:00",
    }
    manifest = {"format": 1, "kind": "drugs", "rows": 0, "imports": [one]}
    table = history_schema(catalogue_form("drugs")).empty_table()
    return {
        "drugs/manifest.json": json.dumps(manifest).encode(),
        "drugs/history.parquet": _parquet_of(table),
        "drugs/disputes.parquet": _parquet_of(table),
    }


def _parquet_of(table: Any) -> bytes:
    import pyarrow.parquet as pq  # noqa: PLC0415 -- for this alone

    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def catalogue_folder(draw: Draw) -> None:
    """An installed catalogue: its manifest and its history."""
    with folder(_one_changed(draw, _kept_catalogue())) as place:
        found = Catalogue("drugs", place / "drugs")
        str(found.first_day)
        found.rows()
        found.on(DAY)


def drg_workbook(draw: Draw) -> None:
    """The published workbook of CHS-DRG."""
    with written(workbook(draw, workbook_builder.small()), "book.xlsx") as path:
        looks_like_dip(path)
        import_workbook(path, DRG_OPTIONS, parses).report.to_text("en")


def drg_folder(draw: Draw) -> None:
    """A city's variant of CHS-DRG as a folder of tables with a card."""
    files = {f"{name}.csv": content_of(name, rows).encode() for name, rows in ROWS.items()}
    files["scheme.json"] = json.dumps(CARD, ensure_ascii=False).encode()
    name = draw.of(list(files))
    if name == "scheme.json":
        files[name] = draw.json([CARD])
    else:
        rows = list(csv.reader(io.StringIO(files[name].decode(), newline="")))
        files[name] = draw.csv([rows])
        if draw.number(6) == 0:
            files[f"{name}.gz"] = gzip.compress(files.pop(name))[: draw.number(500) + 10]
    with folder(files) as place:
        options = ImportOptions(lists_from=NONE)
        import_folder(place, options, parses).report.to_text("en")


def dip_city(draw: Draw) -> None:
    """A city's DIP catalogue, or its score table (xlsx, CSV)."""
    comma, scores = draw.number(2), draw.number(4) == 0
    rows = [CITY_HEAD, *CITY_ROWS]
    content = draw.csv([rows]) if comma else workbook(draw, {"目录": rows})
    with written(content, "city.csv" if comma else "city.xlsx") as path:
        looks_like_dip(path)
        import_dip(path, CITY_OPTIONS, as_scores=bool(scores)).report.to_text("en")


_DIP = paths.shipped() / "schemes" / "dip-3.0"


@cache
def _dip_sheets() -> dict[str, list[list[Any]]]:
    return {name: rows[:8] for name, rows in official(storage.read_book(_DIP)).items()}


def dip_workbook(draw: Draw) -> None:
    """The official workbook of DIP."""
    with written(workbook(draw, _dip_sheets()), "dip.xlsx") as path:
        looks_like_dip(path)
        import_dip(path, CITY_OPTIONS).report.to_text("en")


@cache
def _apg() -> dict[str, bytes]:
    with folder({}) as place:
        write_folder(small_apg(), place / "apg")
        return _files(place / "apg")


def apg_tables(draw: Draw) -> None:
    """An outpatient scheme: a folder, a workbook, or the hospital's weights alone."""
    good = _apg()
    kind = draw.number(3)
    options = ImportOptions(id="own-apg", region="jinhua", valid_from=date(2026, 1, 1))
    name = draw.of([one for one in good if one.endswith(".csv")])
    rows = list(csv.reader(io.StringIO(good[name].decode("utf-8-sig"), newline="")))[:5]
    if kind == 0:
        changed = draw.json([json.loads(good["scheme.json"])]) if draw.number(4) == 0 else None
        files = good | ({"scheme.json": changed} if changed else {name: draw.csv([rows])})
        with folder(files) as place:
            import_apg(place, options).report.to_text("en")
        return
    content = draw.csv([rows]) if kind == 1 else workbook(draw, {name.removesuffix(".csv"): rows})
    with written(content, name if kind == 1 else "apg.xlsx") as path:
        import_apg(path, options).report.to_text("en")


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "drg_workbook": lambda: [workbook_builder.pack(workbook_builder.small())],
}
