"""Every parser of what comes from outside is fuzzed, and what was found once is read again."""

from __future__ import annotations

import ast
import csv
import os
import re
import sys
import time
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))

from draw import CHANGED, RAW, Draw
from harness import FOUND, INSIDE, REPOSITORY, Judge, targets

PACKAGES = ("grouper", "codebooks", "hl7_adapters", "dashboards")
READERS = {
    *("json.loads", "json.load", "orjson.loads", "tomllib.loads", "tomllib.load", "json_of"),
    *("toml_of", "csv.reader", "csv.DictReader", "pq.read_table", "pq.read_schema", "read_rows"),
    *("pq.ParquetFile", "pq.read_metadata", "ipc.open_file", "ipc.open_stream", "zipfile.ZipFile"),
    *("tarfile.open", "yaml.compose", "yaml.scan", "yaml.safe_load", "yaml.load", "ET.parse"),
    *(
        "python_calamine.load_workbook",
        "openpyxl.load_workbook",
        "pacsv.read_csv",
        "pacsv.open_csv",
    ),
    *("pa_csv.read_csv", "gzip.decompress", "gzip.GzipFile", "gzip.open", "pickle.loads"),
    *(
        "connection.read_parquet",
        "connection.read_csv",
        "connection.read_json",
        "ElementTree.parse",
    ),
}
"""Calls that turn bytes into values, by their last two names."""
_NAMED = re.compile(
    "|".join(sorted({re.escape(one.rpartition(".")[2]) + r"\(" for one in READERS}))
)
ENTRY_GROUPS = ("readers", "forms", "listeners", "senders", "encoders", "reviewers", "preauditors")
SECONDS = 5.0
"""An input that was found once may not take longer, on however busy a machine."""


@cache
def parsing_modules() -> dict[str, set[str]]:
    """The modules that call a reader on anything but a file of their own package."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            text = path.read_text("utf-8")
            # Few modules name a reader at all; only those are taken apart.
            calls = set(_reads(ast.parse(text))) if _NAMED.search(text) else set()
            if calls:
                found[name.removesuffix(".__init__")] = calls
    return found


def _reads(tree: ast.AST) -> list[str]:
    calls = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ".".join(ast.unparse(node.func).split(".")[-2:])
        short = name.rpartition(".")[2]
        inside = "files(" in ast.unparse(node) or "paths.shipped()" in ast.unparse(node)
        if (name in READERS or (short in READERS and "." not in name)) and not inside:
            calls.append(name)
    return calls


def inside() -> dict[str, str]:
    """Modules whose readers see nothing from outside, with the reason."""
    with INSIDE.open(encoding="utf-8", newline="") as file:
        return {row["module"]: row["why"] for row in csv.DictReader(file, strict=True)}


def fuzzed(module: str) -> bool:
    return any(
        module == one or module.startswith(f"{one}.")
        for target in targets().values()
        for one in target.modules
    )


def test_every_module_that_parses_is_fuzzed_or_sees_nothing_from_outside() -> None:
    lacking = {
        name: sorted(calls)
        for name, calls in parsing_modules().items()
        if not fuzzed(name) and name not in inside()
    }
    told = "give each a target in tests/fuzz/targets.csv, or a row in tests/fuzz/inside.csv"
    assert not lacking, f"{told}: {lacking}"


def test_no_row_of_the_tables_is_left_over() -> None:
    names = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
    }
    named = {one for target in targets().values() for one in target.modules} | inside().keys()
    assert not named - names
    assert all(inside().values())
    assert not [name for name in inside() if name not in parsing_modules()]


def test_every_entry_point_that_reads_or_writes_has_a_target() -> None:
    known = {point for target in targets().values() for point in target.points}
    there = {
        f"grouper.{group}:{point.name}"
        for group in ENTRY_GROUPS
        for point in entry_points(group=f"grouper.{group}")
    }
    assert known == there


def test_what_was_found_belongs_to_a_target() -> None:
    assert {one.name for one in FOUND.iterdir()} <= targets().keys()


@pytest.mark.parametrize(
    ("target", "name"),
    [(path.parent.name, path.name) for path in sorted(FOUND.glob("*/*"))],
)
def test_what_was_found_once(target: str, name: str) -> None:
    judge = _judge(target)
    before = time.process_time()
    judge.one((FOUND / target / name).read_bytes())
    assert time.process_time() - before < SECONDS


@cache
def _judge(target: str) -> Judge:
    return Judge(targets()[target])


def test_the_judge_lets_what_is_not_declared_through() -> None:
    judge = _judge("rule_text")

    def broken(draw: Draw) -> None:
        raise ZeroDivisionError(draw.rest())

    judge._read = broken
    try:
        with pytest.raises(ZeroDivisionError):
            judge.one(b"")
    finally:
        _judge.cache_clear()


@pytest.mark.parametrize("target", ["rule_text", "dip_words"])
def test_the_same_bytes_draw_the_same_document(target: str) -> None:
    for raw in _judge(target).first_inputs():
        first, again = Draw(raw), Draw(raw)
        seeds = [b"abc", b"{}"]
        assert first.document(seeds) == again.document(seeds)
        plain = first.plain()
        assert Draw(plain).document([]) == Draw(raw).document(seeds)


def test_drawn_tables_and_trees_are_what_they_should_be() -> None:
    assert Draw(RAW + b"a,b").csv([]) == b"a,b"
    assert Draw(RAW + b"{}").json([]) == b"{}"
    changed = {
        Draw(CHANGED + os.urandom(0) + bytes([n] * 60)).csv([[["a"], ["1"]]]) for n in range(99)
    }
    assert len(changed) > 30
