"""Small invented models to keep: a few trees, a table, a document. How they are kept and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from grouper.forecast.boost import QUANTILE, Booster, Settings
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import places
from grouper.forecast.registry.approved import forget
from grouper.forecast.registry.card import Card
from grouper.forecast.registry.keeping import Made, keep

NAME = "default"
FIRST = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
NAMES = ("a", "b", "c")
HOW = Settings(rounds=4, depth=3, eta=0.3, threads=1)
MADE = Made(
    command="grouper forecast train hospital",
    data={
        "files": [{"name": "2026-01.parquet", "sha256": "0" * 64}],
        "sha256": "1" * 64,
        "stays": 1234,
        "first_discharge": "2025-01-01",
        "last_discharge": "2026-06-30",
        "left_out": {"rejected": 3},
    },
    basis={
        "region": "demo",
        "scheme": None,
        "schemes": {"dip-demo": "2" * 64},
        "policies": {"demo/2026": "3" * 64},
    },
    metrics={
        "version": 1,
        "overall": {
            "cost": {"mae": 812.5, "r2": 0.81, "bias": -3.0, "coverage": 0.9, "level": 0.9},
        },
        "by_day": [
            {
                "day": 3,
                "stays": 500,
                "cost": {
                    "mae": 900.0,
                    "baselines": {"ratio": {"mae": 1200.0}, "pace": {"mae": 1500.0}},
                },
                "los": {"mae": 1.25},
                "amount": {"mae": 300.0, "coverage": 0.905},
                "group": {"group": {"top1": 0.95, "bare": 0.9}},
            }
        ],
        "by_group": [{"key": "not kept on the card"}],
    },
    drift={"version": 1, "first": "2025-01-06", "last": "2026-06-28", "ranges": {"cost": []}},
    notes=("a note of training",),
)


@cache
def raw_trees(quantiles: bool = False, rounds: int = 4) -> bytes:
    """A few trees as bytes."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(200, 3))
    target = features[:, 0] + rng.normal(size=200) / 10
    how = Settings(rounds=rounds, depth=3, eta=0.3, threads=1)
    more: dict[str, Any] = {"objective": QUANTILE, "alphas": (0.1, 0.9)} if quantiles else {}
    return Booster.trained(features, target, NAMES, how, **more).raw()


def files(version: int = 1) -> dict[str, bytes]:
    """The files of a model."""
    sink = pa.BufferOutputStream()
    table = pa.table({"group": ["a", "b"], "cases": [version, 2]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        "model.json": f'{{"version": {version}}}'.encode(),
        "cost.ubj": raw_trees(),
        "counts.arrow": sink.getvalue().to_pybytes(),
    }


@pytest.fixture(autouse=True)
def fresh() -> None:
    """No model of an earlier test is in use."""
    forget()


def kept(version: int = 1, name: str = NAME) -> Card:
    """A model of a version, made that many hours after the first."""
    return keep(name, files(version), MADE, FIRST + timedelta(hours=version))


def folder(card: Card) -> Path:
    """Where a model is kept."""
    return places.folder_of(card.name, card.id)


def read(files: Mapping[str, bytes], model: str) -> tuple[str, int]:
    """What a forecaster would be: it reads its trees and a setting."""
    Booster.read(files["cost.ubj"], NAMES)
    return model, int(json.loads(files["model.json"])["version"])


def refused(code: str, *call: Any, **named: Any) -> ForecastError:
    """The error by which a call ends: it has its code, and words in both languages."""
    with pytest.raises(ForecastError) as found:
        call[0](*call[1:], **named)
    assert found.value.code == code
    assert found.value.describe("en")
    assert found.value.describe("zh")
    return found.value
