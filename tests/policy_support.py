"""A form of a topic that has every kind of value, and folders of policy files in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebooks.policies import reading
from codebooks.policies.forms import read_form
from codebooks.policies.policies import Policies
from codebooks.policies.policy import Given
from codebooks.policies.reading import read_file

PROBE = """
topic: probe
name: {zh: 试验, en: Probe}
note: 只供测试
parameters:
  rate: {name: {zh: 费率, en: rate}, kind: decimal, unit: CNY/weight, by: [insurance, level], minimum: 0}
  share: {name: {zh: 比例, en: share}, kind: share}
  places: {name: {zh: 位数, en: places}, kind: whole, maximum: 4}
  listed: {name: {zh: 目录内, en: listed}, kind: flag}
  rounding: {name: {zh: 舍入, en: rounding}, kind: choice, choices: [half_up, down]}
  words: {name: {zh: 文字, en: words}, kind: text}
  since: {name: {zh: 起始, en: since}, kind: date}
  kinds: {name: {zh: 类型, en: kinds}, kind: texts, choices: [inpatient, outpatient]}
  hospital_level: {name: {zh: 等级, en: level}, kind: choice, choices: [I, II, III], by: [hospital]}
  weights:
    name: {zh: 权重, en: weights}
    kind: table
    key: [group]
    by: [insurance]
    columns:
      group: {name: {zh: 组, en: group}, kind: text}
      weight: {name: {zh: 权重, en: weight}, kind: decimal, minimum: 0}
      kinds: {name: {zh: 类型, en: kinds}, kind: texts, choices: [inpatient, outpatient], required: false}
      since: {name: {zh: 起始, en: since}, kind: date, required: false}
  rules:
    name: {zh: 规则, en: rules}
    kind: table
    columns:
      method: {name: {zh: 方式, en: method}, kind: text}
      listed: {name: {zh: 目录内, en: listed}, kind: flag, required: false}
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The topic ``probe`` alone, and ``assignment``, are known."""
    path = tmp_path / "probe.yaml"
    path.write_text(PROBE, "utf-8")
    forms = {"probe": read_form(path), "assignment": reading.topic_forms()["assignment"]}
    monkeypatch.setattr(reading, "topic_forms", lambda: forms)


def put(root: Path, name: str, text: str) -> Path:
    """A file below a folder."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def given(root: Path, text: str, region: str = "harbin") -> list[Given]:
    """What a file of the topic ``probe`` says."""
    return read_file(put(root, f"{region}/probe.yaml", text), region)


def one(parameter: str, value: str, unit: str = "") -> str:
    """A file with one value of one parameter since 2024."""
    return (
        "topic: probe\nsource: 文件\nparameters:\n"
        f"  {parameter}:\n{f'    unit: {unit}' if unit else '    note: 注'}\n"
        f"    values:\n      - {{from: 2024-01-01, value: {value}}}\n"
    )


def rate(*values: str) -> str:
    """A file with dated rates, each as ``from: …, value: …``."""
    rows = "".join(f"      - {{{value}}}\n" for value in values)
    return (
        "topic: probe\nsource: 文件\nparameters:\n"
        f"  rate:\n    unit: CNY/weight\n    values:\n{rows}"
    )


def two_places(root: Path) -> Policies:
    """The policies of ``root/shipped`` and ``root/own``."""
    return Policies(root / "shipped", root / "own")
