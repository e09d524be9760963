"""On Spark itself, with two workers: the command, an error of a worker, an interruption."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from spark_support import ALL, asked_audit, month, one_machine, sorted_by
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import spark as commands
from grouper.payment.run import priced_table
from grouper.spark import flow
from grouper.spark.errors import SparkRunError
from grouper.spark.session import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
pytestmark = pytest.mark.skipif(
    shutil.which("java") is None, reason="there is no Java, which Spark runs on"
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month(tmp_path_factory.mktemp("spark"))


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    with session("local[2]") as found:
        yield found


def test_all_three_are_what_one_machine_says(
    spark: SparkSession, hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ALL | {"case_rows": 1, "bucket_cases": 800}
    monkeypatch.setattr(flow, "settings", lambda: own)
    told: list[tuple[str, int, int]] = []
    runner = flow.Runner(spark, lambda *now: told.append(now))
    files = sorted((hospital / "inpatient").glob("*.parquet"))
    flow.price_files(runner, files, tmp_path / "price", scheme=None, region="demo")
    rows = [
        row
        for path in sorted((tmp_path / "price" / "priced").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    rows.sort(key=lambda row: (row.pop("file"), row.pop("row")))
    assert sorted(map(str, rows)) == sorted(
        map(str, priced_table(files, region="demo").to_pylist())
    )
    assert ("priced", told[-1][2], told[-1][2]) == told[-1]
    asked_audit(runner, [hospital], tmp_path / "audit")
    found = [
        row
        for path in sorted((tmp_path / "audit" / "findings").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    one, _ = one_machine([hospital])
    assert sorted(found, key=lambda row: row["finding"]) == sorted_by(one.audited.findings)


def test_an_error_of_a_worker_comes_back_in_its_words(
    spark: SparkSession, hospital: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.parquet"
    whole = next((hospital / "inpatient").glob("*.parquet")).read_bytes()
    # The beginning of the data is torn, the end with its directory is not.
    broken.write_bytes(whole[:4] + b"\xff" * 4000 + whole[4004:])
    with pytest.raises(GrouperError) as caught:
        flow.group_files(
            flow.Runner(spark), [broken], tmp_path / "out", scheme=None, region="national"
        )
    assert caught.value.code == "FILE_BROKEN"
    assert not list((tmp_path / "out" / "grouped").iterdir())


def test_the_command_groups_and_tells(
    spark: SparkSession, hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kept:
        """The session of this module, which the command does not end."""

        def __enter__(self) -> SparkSession:
            return spark

        def __exit__(self, *problem: object) -> None: ...

    monkeypatch.setattr(commands, "session", lambda _: Kept())
    ask = CliRunner().invoke
    words = ["group", str(hospital / "inpatient"), "-o", str(tmp_path / "g"), "--region", "demo"]
    said = ask(commands.app, words)
    assert said.exit_code == 0, said.output
    assert "已入组" in said.output or "入组" in said.output
    again = ask(commands.app, [*words, "--json"])
    assert json.loads(again.output)["counts"]["cases"] > 0
    said = ask(
        commands.app,
        ["price", str(hospital / "inpatient"), "-o", str(tmp_path / "p"), "--lang", "en"],
    )
    assert said.exit_code == 0, said.output
    assert "payment (yuan)" in said.output
    words = ["audit", str(hospital), "-o", str(tmp_path / "a"), "--region", "demo"]
    said = ask(commands.app, [*words, "--rule", "LOC-DUPLINE"])
    assert said.exit_code == 0, said.output
    assert "涉及金额" in said.output
    wrong = ask(commands.app, [*words, "--rule", "NO-SUCH"])
    assert isinstance(wrong.exception, GrouperError)
    assert wrong.exception.code == "AUDIT_UNKNOWN_RULE"


def test_without_java_it_says_so(tmp_path: Path) -> None:
    lines = (
        "from grouper.spark.session import session\n"
        "from codebooks.errors import GrouperError\n"
        "try:\n"
        "    with session('local[1]'): pass\n"
        "except GrouperError as error: print(error.code)\n"
    )
    environment = {"PATH": str(tmp_path), "GROUPER_DATA": str(tmp_path), "HOME": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    found = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, env=environment, check=False
    )
    assert found.stdout.split() == ["SPARK_START"], found.stderr


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(SparkRunError) as caught, session("local[1]"):
        pass
    assert caught.value.code == "SPARK_ABSENT"
    assert "spark" in caught.value.describe("en")
