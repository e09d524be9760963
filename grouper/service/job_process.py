"""The process of one job: ``python -m grouper.service.job_process FOLDER PARENT``.

It ends by itself when the service that started it is gone.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.case.readers import open_source
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.service.job_files import Failure, Progress, read_job, write_failure, write_progress
from grouper.service.logs import configure

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.case.readers import Source

FAILED = 2
_EVERY = 0.3
"""Seconds between two writings of the progress."""


def _told(source: Source, folder: Path, parent: int) -> Callable[[int], None]:
    last = 0.0

    def progress(rows: int) -> None:
        nonlocal last
        if os.getppid() != parent:
            raise KeyboardInterrupt
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            write_progress(folder, Progress(rows, _share(source, rows)))

    return progress


def _share(source: Source, rows: int) -> float | None:
    if source.total_rows:
        return min(rows / source.total_rows, 1.0)
    return min(source.bytes_read / source.size, 1.0) if source.size else None


def main(folder: Path, parent: int) -> int:
    """Group the file of a job; returns the exit status."""
    job = read_job(folder)
    if job is None:
        return FAILED
    files = job.files(folder)
    try:
        source = open_source(files["input"], format=job.format)
        summary = run(
            source,
            files["result"],
            Chooser(job.scheme, job.region),
            explain=files["traces"] if job.explain else None,
            lang=job.language,
            progress=_told(source, folder, parent),
        )
    except GrouperError as error:
        what, hint = (
            text(f"{part}.{error.code}", job.language, **error.params) for part in ("error", "hint")
        )
        write_failure(folder, Failure(error.code, what, hint))
        return FAILED
    told = {"warnings_of_file": [i.describe(job.language) for i in summary.file_issues]}
    write_progress(folder, Progress(summary.rows, 1.0, summary.to_json() | told))
    return 0


if __name__ == "__main__":
    configure()
    # Those who wait for an answer go before files.
    os.nice(5)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
