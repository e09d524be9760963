"""The codec under coverage-guided fuzzing, with a limit on runs, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hl7_codec_support import message

HARNESS = Path(__file__).parent / "fuzz" / "hl7_codec.py"
RUNS = 100_000
LONGEST = 4096
SECONDS = 300


@pytest.mark.slow
def test_only_declared_errors_under_fuzzing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    body = ("PID|1||P1^^^HIS~Q2&x||测试\\F\\\\XD6D0\\", 'PV1|1|I|""', "NTE|1||\\M2441\\VPND\\.br\\")
    for n, (charset, codec) in enumerate(
        [("", "utf-8"), ("GBK", "gb18030"), ("UNICODE", "utf-16"), ("", "utf-16-be")]
    ):
        (seeds / f"seed{n}").write_bytes(message(*body, charset=charset).encode(codec))
    batch = f"FHS|^~\\&\rBHS|^~\\&\r{message(*body)}{message('EVN')}BTS|2\rFTS|1\r"
    (seeds / "batch").write_text(batch, encoding="utf-8", newline="")
    words = tmp_path / "words"
    words.write_text(
        "\n".join(
            f'"{word}"'
            for word in ("MSH|^~\\\\&|", "\\x0dPID|", "\\\\X", "\\\\F\\\\", "BTS|", "\\x82\\x7c")
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [
            *(sys.executable, str(HARNESS), f"-runs={RUNS}", f"-max_len={LONGEST}", "-seed=1"),
            *(f"-dict={words}", f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/"),
            *("-timeout=10", str(seeds)),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
        check=False,
        cwd=HARNESS.parents[2],
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
