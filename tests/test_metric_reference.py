"""The reference of metrics (docs/METRICS.md) and the example rules against what the service tells."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from reference_support import ROOT, rows, shown, table

from grouper.service import status
from grouper.service.errand_files import ErrandState
from grouper.service.metrics import Metrics
from grouper.service.stored import Queue
from grouper.service.supervisor import ORDER
from grouper.store.states import Delivery, State
from hl7_adapters.folder.counts import Counts as FolderCounts
from hl7_adapters.mllp.counts import Counts as MllpCounts

RULES = ROOT / "deploy" / "prometheus-rules.yml"
_QUEUE = Queue(
    length=1,
    oldest_seconds=2.0,
    outcomes={"applied": 1},
    deliveries={"sent": 1},
    alerts={"backlog": 1},
)


def _families(folder: Path) -> dict[str, Metric]:
    """What `/metrics` tells of a service in which everything has happened once."""
    status.write(folder, "worker", {"worker_messages": 1})
    made = Metrics(lambda: _QUEUE, folder)
    made.request("GET", "/x", 200, 0.01)
    told = made.text().decode()
    return {one.name: one for one in text_string_to_metric_families(told)}


def _name(found: Metric) -> str:
    return f"{found.name}_total" if found.type == "counter" else found.name


def test_every_metric_stands_in_the_reference_with_its_labels(tmp_path: Path) -> None:
    said = {row["metric"]: row for row in rows("metrics")}
    told = _families(tmp_path)
    # What a library adds: when a counter began.
    ours = {_name(one): one for name, one in told.items() if not name.endswith("_created")}
    assert set(said) == set(ours)
    for name, found in ours.items():
        labels = {label for one in found.samples for label in one.labels} - {"le"}
        assert set(said[name]["labels"].split()) == labels, name
        assert said[name]["type"] == found.type, name
        assert all(said[name][column] for column in ("meaning", "unit", "watch")), name


def test_a_disk_without_the_folder_is_not_told_of(tmp_path: Path) -> None:
    nothing = Metrics(lambda: _QUEUE, tmp_path / "none").text().decode()
    assert "grouper_disk_free_bytes" not in nothing
    assert _families(tmp_path)["grouper_disk_free_bytes"].samples[0].value > 0


def test_the_pages_show_the_reference() -> None:
    assert shown("METRICS.md") == {name: table(rows(name)) for name in ("metrics", "metric_values")}


def _tree(name: str) -> ast.Module:
    return ast.parse((ROOT / "grouper" / "service" / f"{name}.py").read_text("utf-8"))


@cache
def _counted(process: str) -> frozenset[str]:
    """The names that a process counts, as its source writes them."""
    tree, names = _tree(process), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "self._counts":
            key = node.slice
            names |= {str(key.value)} if isinstance(key, ast.Constant) else set()
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._counts.update":
            names |= {one.arg for one in node.keywords if one.arg is not None}
            for part in ast.walk(node):
                if isinstance(part, ast.Dict):
                    names |= {str(k.value) for k in part.keys if isinstance(k, ast.Constant)}
    whole = {
        str(node.value)
        for home in (tree, *([_tree("alerts")] if process == "worker" else []))
        for node in ast.walk(home)
        if isinstance(node, ast.Constant) and re.fullmatch(rf"{process}_\w+", str(node.value))
    }
    return frozenset(f"{process}_{name}" for name in names) | whole


def _known(process: str) -> set[str]:
    return {row["name"] for row in rows("metric_values") if row["process"] == process}


# What no literal names: states, and figures of a run.
_BESIDE = {
    "worker": {f"worker_{one}" for one in State if one not in {State.REPLAYED, State.DISMISSED}},
    "forecaster": {"forecaster_waits"},
    "auditor": {f"auditor_{name}" for name in ("cases", "findings", "fresh", "gone", "waits")},
    "clerk": {
        f"clerk_{name}"
        for name in (ErrandState.DONE, ErrandState.FAILED, ErrandState.INTERRUPTED, "waits")
    }
    | {"clerk_swept_KIND"},
}


@pytest.mark.parametrize("process", sorted(_BESIDE))
def test_what_a_process_counts_stands_in_the_reference(process: str) -> None:
    assert _known(process) == _counted(process) | _BESIDE[process]


def test_what_the_listener_counts_stands_in_the_reference() -> None:
    intake = ast.parse((ROOT / "grouper" / "store" / "group_commit.py").read_text("utf-8"))
    strings = {
        str(node.value)
        for node in ast.walk(intake)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    kept = {"messages", "duplicates", "commits", "commit_seconds", "retries", "not_stored"}
    assert kept <= strings
    said = {f"intake_{name}" for name in kept}
    said |= {name for name in strings if re.fullmatch(r"intake_[a-z_]+\w", name)}
    said |= {f"NAME_{name}" for name in (*MllpCounts().metrics(), *FolderCounts().metrics())}
    assert _known("listener") == said


def test_states_and_processes_are_named_in_the_page() -> None:
    text = (ROOT / "docs" / "METRICS.md").read_text("utf-8")
    for word in (*State, *Delivery, *ORDER):
        assert f"`{word}`" in text, word
    assert set(_BESIDE) < set(ORDER)


def _rules() -> list[dict[str, Any]]:
    read = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: str(rule["alert"]))
def test_example_rules_ask_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "what_to_do"}
    known = {row["metric"] for row in rows("metrics")}
    known |= {f"grouper_request_seconds_{part}" for part in ("bucket", "count", "sum")}
    asked = set(re.findall(r"grouper_\w+", rule["expr"]))
    assert asked
    assert asked <= known
    labels = {label for row in rows("metrics") for label in row["labels"].split()} | {"le"}
    assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", rule["expr"])) <= labels
    names = re.findall(r'name="(\w+)"', rule["expr"])
    values = {row["name"] for row in rows("metric_values")}
    assert set(names) <= values
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_each_rule_is_told_of_in_the_page_of_operation() -> None:
    text = (ROOT / "docs" / "OPERATION.md").read_text("utf-8")
    named = [rule["alert"] for rule in _rules()]
    assert len(set(named)) == len(named)
    for name in named:
        assert f"`{name}`" in text, name
