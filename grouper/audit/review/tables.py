"""States, steps, figures and standings of the review, read from ``data/`` and checked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import Where
from codebooks.plain import toml_of
from grouper.audit.review.errors import ReviewError
from grouper.audit.words import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAME = ""
"""``to`` of a step that leaves the state as it is."""
STAGES = ("automatic", "first", "feedback", "second", "final", "appeal", "closed")
SOURCES = ("own", "insurer", "person")
_RIGHTS = ("review", "answer")
NEEDS = ("note", "amount", "verdict", "evidence")
TAKES = ("note", "amount", "due", "assignee", "department")
_OPINIONS = ("", "gives", "anew", "needs", "clears")
_OTHERS = ("raised_by", "opinion_by")
_STATE = frozenset({"stage", "hidden", "says"})


@dataclass(frozen=True, slots=True)
class State:
    """A state.

    Attributes:
        name: of the state.
        stage: of the review.
        hidden: its findings are not shown to physicians.
        says: of the finding, ``right`` or ``wrong``; empty: nothing yet.
    """

    name: str
    stage: str
    hidden: bool
    says: str = ""

    @property
    def closed(self) -> bool:
        """Whether nothing more is to be done."""
        return self.stage == "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step; ``data/steps.toml`` says what each value means."""

    action: str
    before: tuple[str, ...]
    to: str
    sources: tuple[str, ...]
    right: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    opinion: str = ""
    other_than: tuple[str, ...] = ()
    unless_gone: tuple[str, ...] = ()
    closes: bool = False
    reopens: bool = False
    asks: bool = False
    waits: bool = False
    fresh_due: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """States that the program leads to others by itself."""

    before: tuple[str, ...]
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing of rules: to which it may be changed, whether it is told to physicians and asked."""

    to: tuple[str, ...]
    told: bool
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Figures.

    Attributes:
        days: of a state by level; a state that is not there has no deadline.
        marks: false positives that send a rule to review.
        most_false: the greatest share of false positives with which a rule is promoted.
        least_judged: findings that have to be judged before.
        most_days: of an exception.
        most_bytes: of a file; ``most_files`` of a finding, ``most_name`` characters of its name.
        most_note: characters.
    """

    days: Mapping[str, Mapping[str, int]]
    marks: int
    most_false: Decimal
    least_judged: int
    most_days: int
    most_bytes: int
    most_files: int
    most_name: int
    most_note: int


def _table(file: str, words: str) -> dict[str, Any]:
    try:
        return toml_of(words)
    except ValueError:
        raise ReviewError("REVIEW_TABLE", Where(file=file), name="TOML") from None


def _shipped(name: str) -> str:
    return (files("grouper.audit.review") / "data" / name).read_text("utf-8")


def _need(file: str, name: str, *, holds: bool) -> None:
    if not holds:
        raise ReviewError("REVIEW_TABLE", Where(file=file), name=name)


def _known(file: str, name: str, values: object, words: Iterable[str]) -> tuple[str, ...]:
    _need(file, name, holds=isinstance(values, list))
    found = tuple(values) if isinstance(values, list) else ()
    _need(file, name, holds=all(one in tuple(words) for one in found))
    return found


def read_states(words: str, file: str = "states.toml") -> dict[str, State]:
    """The states by name.

    Raises:
        ReviewError: ``REVIEW_TABLE``, with file and name.
    """
    found = {}
    for name, row in _table(file, words).items():
        _need(file, name, holds=isinstance(row, dict) and row.keys() <= _STATE)
        _need(file, f"{name}.stage", holds=row.get("stage") in STAGES)
        hidden = row.get("hidden", False)
        _need(file, f"{name}.hidden", holds=isinstance(hidden, bool))
        says = row.get("says", "")
        _need(file, f"{name}.says", holds=says in ("", "right", "wrong"))
        found[name] = State(name, row["stage"], hidden, says)
    return found


def read_steps(
    words: str, known: Mapping[str, State], file: str = "steps.toml"
) -> tuple[tuple[Step, ...], tuple[Way, ...]]:
    """The steps, and what the program does by itself.

    Raises:
        ReviewError: ``REVIEW_TABLE``, with file, number of the step and name.
    """
    told = _table(file, words)
    _need(file, "step, automatic", holds=told.keys() == {"step", "automatic"})
    steps = tuple(
        _step(file, f"step {place}", row, known) for place, row in enumerate(told["step"], 1)
    )
    seen: set[tuple[str, str, str]] = set()
    for step in steps:
        for key in [(step.action, one, source) for one in step.before for source in step.sources]:
            _need(file, f"{step.action} {key[1]}", holds=key not in seen)
            seen.add(key)
    ways = []
    for place, row in enumerate(told["automatic"], 1):
        name = f"automatic {place}"
        _need(file, name, holds=isinstance(row, dict) and row.keys() == {"from", "to"})
        ways.append(
            Way(*(_known(file, f"{name} {key}", row[key], known) for key in ("from", "to")))
        )
    return steps, tuple(ways)


def _step(file: str, name: str, row: object, known: Mapping[str, State]) -> Step:
    if not isinstance(row, dict):
        raise ReviewError("REVIEW_TABLE", Where(file=file), name=name)
    values = dict(row)
    _need(file, f"{name} from", holds="from" in values and "before" not in values)
    values["before"] = values.pop("from")
    names = {one.name: one.type for one in fields(Step)}
    for key in values.keys() - names.keys():
        _need(file, f"{name} {key}", holds=False)
    for key in ("action", "to", "right", "sources"):
        _need(file, f"{name} {key}", holds=key in values)
    lists = {
        "before": known,
        "sources": SOURCES,
        "needs": NEEDS,
        "takes": TAKES,
        "other_than": _OTHERS,
        "unless_gone": (*NEEDS, "opinion"),
    }
    for key, value in values.items():
        place = f"{name} {key}"
        if key in lists:
            values[key] = _known(file, place, value, lists[key])
        elif names[key] == "bool":
            _need(file, place, holds=isinstance(value, bool))
        else:
            _need(file, place, holds=isinstance(value, str))
    step = Step(**values)
    _need(file, f"{name} to", holds=step.to == SAME or step.to in known)
    _need(file, f"{name} right", holds=step.right in _RIGHTS)
    _need(file, f"{name} opinion", holds=step.opinion in _OPINIONS)
    _need(file, f"{name} closes", holds=step.closes == (step.to in known and known[step.to].closed))
    return step


def read_limits(shipped: str, own: str = "", file: str = "limits.toml") -> Limits:
    """The figures: the shipped ones, with those of the hospital's own file in their place.

    Raises:
        ReviewError: ``REVIEW_TABLE``, with file and name.
    """
    base = _table(file, shipped)
    over = _table(file, own)
    for name, row in over.items():
        _need(file, name, holds=name in base and isinstance(row, dict))
        known = states() if name == "days" else base[name]
        for key, value in row.items():
            _need(file, f"{name}.{key}", holds=key in known)
            if name == "days":
                _need(file, f"{name}.{key}", holds=isinstance(value, dict))
                base[name][key] = base[name].get(key, {}) | value
            else:
                base[name][key] = value
    days = base["days"]
    for state, by_level in days.items():
        for level, number in by_level.items():
            holds = level in LEVELS and type(number) is int and 0 < number < 1000  # noqa: PLR2004 -- days
            _need(file, f"days.{state}.{level}", holds=holds)
    numbers: dict[str, Any] = {}
    for section in ("rules", "whitelist", "evidence", "words"):
        for key, value in base[section].items():
            holds = key == "most_false" or (type(value) is int and value > 0)
            _need(file, f"{section}.{key}", holds=holds)
            numbers[key] = value
    numbers["most_false"] = _share(file, numbers["most_false"])
    return Limits(days=days, **numbers)


def _share(file: str, value: object) -> Decimal:
    try:
        found = Decimal(str(value)) if isinstance(value, str) else Decimal(-1)
    except InvalidOperation:
        found = Decimal(-1)
    _need(file, "rules.most_false", holds=0 <= found <= 1)
    return found


@cache
def states() -> Mapping[str, State]:
    """The states by name, in their order."""
    return read_states(_shipped("states.toml"))


@cache
def steps() -> tuple[Step, ...]:
    """The steps in the order of the table."""
    return read_steps(_shipped("steps.toml"), states())[0]


@cache
def automatic() -> tuple[Way, ...]:
    """What the program does by itself."""
    return read_steps(_shipped("steps.toml"), states())[1]


@cache
def standings() -> Mapping[str, Standing]:
    """The standings by name."""
    told = _table("standings.toml", _shipped("standings.toml"))
    return {
        name: Standing(
            _known("standings.toml", f"{name}.to", row["to"], told), row["told"], row["asked"]
        )
        for name, row in told.items()
    }


def limits() -> Limits:
    """The figures, with the hospital's own; read anew when its file changed.

    Raises:
        ReviewError: ``REVIEW_TABLE``: the hospital's own file is not as it should be.
    """
    own = paths.installed() / "audit" / "review" / "limits.toml"
    if not own.is_file():
        return _limits("", 0)
    return _limits(str(own), own.stat().st_mtime_ns)


@cache
def _limits(own: str, stamp: int) -> Limits:
    del stamp  # only part of the key
    shipped = _shipped("limits.toml")
    if not own:
        return read_limits(shipped)
    file = "audit/review/limits.toml"
    try:
        words = Path(own).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ReviewError("REVIEW_TABLE", Where(file=file), name="UTF-8") from None
    return read_limits(shipped, words, file)
