"""Spark itself: a session, and tasks carried to workers by ``mapInArrow``."""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from codebooks.errors import GrouperError, Where
from grouper.spark.errors import SparkRunError
from grouper.spark.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from grouper.spark.books import Packed
    from grouper.spark.keeping import Stage

_SCHEMA = "task long, failed string"
_ANSWER = pa.schema([("task", pa.int64()), ("failed", pa.string())])


class Job(Protocol):
    """What a worker does with one task; it and its parts can be pickled."""

    def __call__(self, task: int, stage: Stage) -> None:
        """Make a part, and say that it is done.

        Raises:
            GrouperError: it cannot be made.
        """


@contextmanager
def session(master: str | None) -> Iterator[SparkSession]:
    """A session of Spark; it ends with the block.

    Args:
        master: such as ``local[2]`` or ``yarn``; None: as ``PYSPARK_SUBMIT_ARGS`` says, or
            all cores of this machine.

    Raises:
        SparkRunError: ``SPARK_ABSENT``: the extra is not installed; ``SPARK_START``: it does not start
            (Java is missing, for example).
    """
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415 -- an extra
        from pyspark.sql import SparkSession  # noqa: PLC0415 -- an extra
    except ImportError:
        raise SparkRunError("SPARK_ABSENT") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.Builder()
    for name, value in settings()["configuration"].items():
        builder = builder.config(name, value)
    if master is not None:
        builder = builder.master(master)
    if master is not None and master.startswith("local"):
        # On one machine nothing has to be heard from outside.
        builder = builder.config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    try:
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
    except (PySparkException, RuntimeError, OSError) as cause:
        raise SparkRunError("SPARK_START", cause=type(cause).__name__) from cause
    try:
        yield spark
    finally:
        spark.stop()


def carry(
    spark: SparkSession,
    stage: Stage,
    count: int,
    job: Job,
    packed: Packed,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Have all tasks of a stage done that are not done yet.

    Args:
        spark: the session.
        stage: where the parts go.
        count: how many tasks there are, from 0.
        job: what a worker does with one.
        packed: the books, for each worker once.
        progress: called with the parts that are there and how many there are to be.

    Raises:
        GrouperError: the first error that we declare, of the task of the least number.
        SparkRunError: ``SPARK_WORKER``: a worker failed otherwise.
    """
    left = stage.left(count)
    if progress:
        progress(count - len(left), count)
    if not left:
        return
    sent = spark.sparkContext.broadcast(packed)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from grouper.spark.books import unpack  # noqa: PLC0415 -- of the worker

        unpack(sent.value)
        for batch in batches:
            for place in batch.column(0).to_pylist():
                failed = _done(job, left[place], stage)
                yield pa.RecordBatch.from_pydict(
                    {"task": [left[place]], "failed": [failed]}, schema=_ANSWER
                )

    with warnings.catch_warnings():
        # Of pandas, which nothing of ours asks Spark for.
        warnings.filterwarnings("ignore", ".*pandas", FutureWarning)
        tasks = spark.range(0, len(left), 1, numPartitions=len(left)).mapInArrow(work, _SCHEMA)
    rows = _collected(
        spark, tasks, lambda: progress and progress(count - len(stage.left(count)), count)
    )
    sent.destroy()
    failed = sorted((row["task"], row["failed"]) for row in rows if row["failed"] is not None)
    if failed:
        code, where, params = json.loads(failed[0][1])
        raise GrouperError(code, Where(**where), **params)
    if progress:
        progress(count, count)


def _done(job: Job, task: int, stage: Stage) -> str | None:
    """Do a task; what was wrong, as JSON. An error that we declare is not tried again."""
    try:
        job(task, stage)
    except GrouperError as error:
        plain = {k: v if isinstance(v, int | float) else str(v) for k, v in error.params.items()}
        return json.dumps([error.code, asdict(error.where), plain])
    return None


def _collected(spark: SparkSession, tasks: Any, look: Callable[[], object]) -> Sequence[Any]:  # noqa: ANN401 -- Spark's
    """All rows; meanwhile it is looked how far they have come, and an interruption is heard."""
    from pyspark.errors import PySparkException  # noqa: PLC0415 -- an extra

    answer: list[Any] = []
    wrong: list[BaseException] = []

    def ask() -> None:
        try:
            answer.extend(tasks.collect())
        except BaseException as error:  # noqa: BLE001 -- raised again by the thread that waits
            wrong.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        while asking.is_alive():
            asking.join(settings()["every"])
            look()
    except KeyboardInterrupt:
        spark.sparkContext.cancelAllJobs()
        raise
    if wrong:
        if isinstance(wrong[0], PySparkException) or "py4j" in type(wrong[0]).__module__:
            raise SparkRunError("SPARK_WORKER", cause=type(wrong[0]).__name__) from wrong[0]
        raise wrong[0]
    return answer
