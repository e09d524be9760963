"""What the measurements on Spark stand on: cases with ids of their own, and the time of all processes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from spark_support import ALL, month

HOME = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.append(str(HOME))

spark_data, tree = map(import_module, ("spark_data", "tree"))
pytestmark = pytest.mark.slow


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ALL | {"case_rows": 50, "line_rows": 700}
    monkeypatch.setattr(spark_data, "settings", lambda: own)


@pytest.mark.usefixtures("_small")
def test_drawn_stays_have_ids_of_their_own_and_row_groups_of_a_unit(tmp_path: Path) -> None:
    count = 50 * spark_data.DRAWN + 130
    assert spark_data.stays(tmp_path / "stays", count) == count
    files = sorted((tmp_path / "stays").glob("*.parquet"))
    assert len(files) == 2
    read = pa.concat_tables([pq.read_table(path) for path in files])
    assert read.num_rows == spark_data.rows_of(tmp_path / "stays") == count
    assert len(pc.unique(read["case_id"])) == count
    assert read["case_id"][0].as_py() == "C000000000"
    # The stays after those that were drawn are the same ones.
    again = read.slice(50 * spark_data.DRAWN, 50).drop_columns("case_id")
    assert again.equals(read.slice(0, 50).drop_columns("case_id"))
    groups = [pq.read_metadata(path).row_group(0).num_rows for path in files]
    assert groups == [50, 50]


@pytest.mark.usefixtures("_small")
def test_copies_of_a_hospital_hold_its_cases_and_lines(tmp_path: Path) -> None:
    hospital = month(tmp_path)
    one = sum(spark_data.rows_of(hospital / kind) for kind in spark_data.KINDS)
    out = tmp_path / "out"
    assert spark_data.copies_of(hospital, out, 3 * one, lines=True) == 3 * one
    ids, persons = [], []
    for kind in spark_data.KINDS:
        for path in (out / kind).glob("*.parquet"):
            table = pq.read_table(path, columns=["case_id", "person"])
            ids += table["case_id"].to_pylist()
            persons += table["person"].to_pylist()
    assert len(set(ids)) == 3 * one
    plain = {person.partition("-")[2] for person in persons}
    assert len(set(persons)) == 3 * len(plain)
    lines = [pq.read_table(path) for path in (out / "charges").glob("*.parquet")]
    assert spark_data.rows_of(out / "charges") == 3 * spark_data.rows_of(hospital / "charges")
    assert {name for table in lines for name in table["case_id"].to_pylist()} <= set(ids)


@pytest.mark.skipif(
    sys.platform != "linux", reason="the processes of others are looked up in /proc"
)
def test_the_time_of_children_and_orphans_is_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < {}: pass\n"
    child = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn.format(0.3)!r}])\n"
    )
    # Its parent takes no note of the end of this one, and ends before it.
    orphan = f"import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nsubprocess.Popen([sys.executable, '-c', {burn.format(0.3)!r}])\n"
    lines = (
        "import json, sys, tree\nfrom pathlib import Path\n"
        "took = tree.run([sys.executable, '-c', sys.argv[1]], {}, Path(sys.argv[2]), every=0.02)\n"
        "print(json.dumps([took.code, took.cores, took.memory, took.of]))"
    )
    words = [sys.executable, "-c", lines, child + orphan + "sys.exit(3)", str(tmp_path / "log")]
    said = subprocess.run(words, cwd=HOME, check=True, capture_output=True, text=True)
    code, cores, memory, of = json.loads(said.stdout)
    assert code == 3
    assert cores >= 0.55
    assert memory >= of[tree.OTHER] > 0
