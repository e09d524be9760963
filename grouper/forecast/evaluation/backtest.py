"""Back-tests with rolling origins: trained on what had ended, asked day by day as it would have run.

At each origin a model learns from the stays discharged before it (and coded by then), and is then
asked about every stay that ran in the time up to the next origin, on each day of the plan on which
it still ran. What a model is given of the past holds no other stay, no word and no group of later.

The answers of each origin are kept in a folder as Parquet; a run that was interrupted goes on there.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.messages import text
from codebooks.plain import ARROW_FAULTS, json_of
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.baselines import Baselines
from grouper.forecast.evaluation.evaluation import Evaluation
from grouper.forecast.evaluation.history import as_of, finished, with_words
from grouper.forecast.evaluation.judged import Judged, judged
from grouper.forecast.evaluation.plan import Basing, Judging, iso
from grouper.forecast.result import FORECAST_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.history import History
    from grouper.forecast.evaluation.plan import Origin, Plan
    from grouper.forecast.frame import Frame

STEPS = ("kept", "train", "baselines", "predict")
"""What is done at an origin: its answers are there already, or these steps."""
_PLAN = "backtest.json"


class Model(Protocol):
    """What can be judged.

    Attributes:
        name: what it is called in the report.
        version: changes whenever its answers would: settings, code.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def version(self) -> str:
        """What it is made of."""
        ...

    def train(self, history: History) -> Callable[[Frame], pa.Table]:
        """Learn from finished stays.

        Returns:
            what answers snapshots with ``FORECAST_SCHEMA``, one row each, in their order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """How far a back-test is: what begins now (one of :data:`STEPS`), at which origin of how many."""

    what: str
    origin: str
    number: int
    of: int

    def words(self, lang: str | None = None) -> str:
        """For people."""
        return text(
            "forecast_evaluation.step",
            lang,
            number=self.number,
            of=self.of,
            origin=self.origin,
            what=text(f"forecast_evaluation.step_{self.what}", lang),
        )


def backtest(
    history: History,
    plan: Plan,
    model: Model,
    folder: Path,
    progress: Callable[[Step], None] | None = None,
    *,
    judging: Judging | None = None,
    basing: Basing | None = None,
) -> Evaluation:
    """Judge a model on a history.

    Args:
        history: finished stays; snapshots of at least the plan's days.
        plan: when it is trained and tested.
        model: what is judged.
        folder: where the answers of each origin are kept; made if it is not there.
        progress: called before each step.
        judging: how scores are told; None: as shipped.
        basing: how baselines are reckoned; None: as shipped.

    Raises:
        ForecastError: ``FORECAST_BACKTEST_SHORT``: the history is too short for an origin;
            ``FORECAST_BACKTEST_FOLDER``: the folder holds another back-test, or a file of it that
            cannot be read; ``FORECAST_BACKTEST_EMPTY``: no stay ran in the time of a test;
            ``FORECAST_BACKTEST_ANSWER``: the model's answer is no table of forecasts of these rows.
        GrouperError: what the model raises.
    """
    basing = basing or Basing.shipped()
    usable = finished(history)
    if not usable.any():
        raise ForecastError("FORECAST_BACKTEST_EMPTY")
    ended = history.ended
    origins = plan.origins(ended[usable])
    _claim(folder, history, plan, model, basing)
    parts: list[Judged] = []
    told: list[dict[str, Any]] = []
    for number, origin in enumerate(origins):
        past = usable & (ended >= origin.since) & (ended < origin.until)
        rows = asked_at(history, plan, origin, usable)
        if not len(rows) or not past.any():
            continue
        run = _Run(history, model, basing, folder, origin)
        forecasts, base = run.answers(past, rows, _teller(progress, origin, number, len(origins)))
        frame = history.frame
        stay = frame.stay[rows]
        parts.append(
            judged(
                forecasts,
                history.truth.take(stay),
                stay=stay,
                when=as_of(frame)[rows],
                origin=number,
                baselines=base,
            )
        )
        told.append(
            {
                "origin": origin.name,
                "learnt_from": iso(origin.since),
                "learnt_until": iso(origin.until - 1),
                "learnt_stays": int(past.sum()),
                "tested_until": iso(origin.end - 1),
                "tested_stays": len(np.unique(stay)),
                "tested_snapshots": len(rows),
            }
        )
    if not parts:
        raise ForecastError("FORECAST_BACKTEST_EMPTY")
    about = {
        "model": model.name,
        "version": model.version,
        "region": history.terms.region,
        "scheme": history.scheme,
        "plan": asdict(plan),
        "history": history.hash,
        "origins": told,
    }
    return Evaluation(about, Judged.joined(parts), judging or Judging.shipped())


def asked_at(
    history: History, plan: Plan, origin: Origin, usable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The snapshots that are asked about at an origin: of stays that ran then.

    Args:
        history: all stays.
        plan: which days, and how many stays.
        origin: the time of the test.
        usable: stays whose outcome is known.
    """
    frame = history.frame
    start = frame.snapshots.courses.start[frame.stay]
    when = start + np.maximum(frame.day, 1) - 1
    some = usable[frame.stay] & np.isin(frame.day, plan.days)
    rows = np.flatnonzero(some & (when >= origin.day) & (when < origin.end))
    stays = np.unique(frame.stay[rows])
    if not plan.stays or len(stays) <= plan.stays:
        return rows
    idents = frame.snapshots.courses.cases["case_id"]
    lot = [zlib.crc32(str(idents[int(stay)].as_py()).encode()) for stay in stays]
    chosen = stays[np.argsort(np.array(lot), kind="stable")[: plan.stays]]
    return rows[np.isin(frame.stay[rows], chosen)]


@dataclass(frozen=True, slots=True)
class _Run:
    """One origin."""

    history: History
    model: Model
    basing: Basing
    folder: Path
    origin: Origin

    def answers(
        self,
        past: NDArray[np.bool_],
        rows: NDArray[np.int64],
        say: Callable[[str], None],
    ) -> tuple[pa.Table, pa.Table]:
        """The forecasts and the baselines: those that are kept, or new ones."""
        paths = [self.folder / f"{self.origin.name}.{kind}.parquet" for kind in ("model", "base")]
        if all(path.exists() for path in paths):
            say("kept")
            found = [_read(path) for path in paths]
            if any(len(one) != len(rows) for one in found):
                raise ForecastError("FORECAST_BACKTEST_FOLDER", Where(file=paths[0].name))
            return found[0], found[1]
        say("train")
        learnt = self.history.only(past)
        predict = self.model.train(learnt)
        say("baselines")
        region = self.history.terms.region
        asked = with_words(self.history.frame.take(rows), learnt.frame.vocabulary, region)
        base = Baselines.of(learnt, self.basing).predict(asked)
        say("predict")
        forecasts = predict(asked)
        _check(forecasts, asked)
        for path, table in zip(paths, (forecasts, base), strict=True):
            _write(path, table)
        return forecasts, base


def _check(forecasts: pa.Table, asked: Frame) -> None:
    """The rows that were asked for, in their order."""
    good = set(FORECAST_SCHEMA.names) <= set(forecasts.column_names)
    good = good and len(forecasts) == len(asked)
    if not good or not (
        forecasts["case_id"].to_pylist() == asked.known["case_id"].to_pylist()
        and forecasts["day"].to_pylist() == asked.day.tolist()
    ):
        raise ForecastError("FORECAST_BACKTEST_ANSWER")


def _teller(
    progress: Callable[[Step], None] | None, origin: Origin, number: int, of: int
) -> Callable[[str], None]:
    def say(what: str) -> None:
        if progress:
            progress(Step(what, origin.name, number + 1, of))

    return say


def _claim(folder: Path, history: History, plan: Plan, model: Model, basing: Basing) -> None:
    """See that a folder is new or holds this very back-test."""
    own = {
        "model": model.name,
        "version": model.version,
        "plan": plan.hash,
        "baselines": asdict(basing),
        "history": history.hash,
        "scheme": history.scheme,
        "region": history.terms.region,
    }
    path = folder / _PLAN
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _whole(path, json.dumps(own, ensure_ascii=False, indent=1).encode())
        return
    try:
        found = json_of(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ForecastError("FORECAST_BACKTEST_FOLDER", Where(file=_PLAN)) from error
    if found != own:
        raise ForecastError("FORECAST_BACKTEST_FOLDER", Where(file=_PLAN))


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except ARROW_FAULTS as error:
        raise ForecastError("FORECAST_BACKTEST_FOLDER", Where(file=path.name)) from error


def _write(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    _whole(path, sink.getvalue())


def _whole(path: Path, raw: bytes | pa.Buffer) -> None:
    """A file stands there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(raw)
    part.replace(path)
