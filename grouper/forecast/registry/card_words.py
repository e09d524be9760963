"""A model's card in words: what it is for, what it was made of, how good it is, where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, language, text
from grouper.case.dates import LOCAL
from grouper.forecast.registry import provenance
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.forecast.registry.approvals import Approval
    from grouper.forecast.registry.card import Card

NOTHING = "—"
_FINE = 10.0
_HASH = 12
_LIMITS = ("known", "undated", "refused", "rare", "policy", "advice")
_DATA = ("stays", "snapshots", "invalid", "first_discharge", "last_discharge", "learnt_until")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card: its heading, paragraphs, and a table where ``rows`` are."""

    title: str
    paragraphs: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """A card as it is read: heading and parts."""

    title: str
    sections: tuple[Section, ...]


def words_of(card: Card, given: Sequence[Approval] = (), lang: str | None = None) -> Words:
    """A card in words.

    Args:
        card: of the model.
        given: the approvals of its name; those of other models are passed over.
        lang: of the words; None: of the process.
    """
    chosen = lang or language()
    say = _Say(chosen)
    parts = (
        _purpose(card, say),
        _data(card, say),
        _features(card, say),
        _by_day(card, say),
        _overall(card, say),
        Section(say("limits"), tuple(say(f"limit_{one}") for one in _LIMITS) + card.notes),
        _drift(card, say),
        _approvals(card, given, say),
        _made(card, say),
        _files(card, say),
    )
    return Words(say("title", name=card.name, id=card.id), parts)


class _Say:
    """The texts of cards in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **params: object) -> str:
        return text(f"forecast_card.{key}", self.lang, **params)

    def known(self, key: str, word: str) -> str:
        """A text that there may not be: else the word."""
        return catalogue(self.lang).get(key, word)


def _purpose(card: Card, say: _Say) -> Section:
    scheme = _text(card.basis.get("scheme")) or say("binding")
    where = say("where", region=_text(card.basis.get("region")) or NOTHING, scheme=scheme)
    return Section(say("purpose"), (say("purpose_text"), where))


def _data(card: Card, say: _Say) -> Section:
    files = card.data.get("files")
    rows = [(say(f"data_{key}"), _told(card.data.get(key))) for key in _DATA]
    if isinstance(files, list):
        rows.append((say("data_files"), say("count", count=len(files))))
    rows.append((say("data_hash"), _text(card.data.get("sha256")) or NOTHING))
    for why, count in _members(card.data.get("left_out")):
        rows.append((say("left_out", why=say.known(f"forecast_card.out_{why}", why)), _told(count)))
    return Section(say("data"), (), (say("what"), say("value")), tuple(rows))


def _features(card: Card, say: _Say) -> Section:
    rows = [
        (say.known(f"forecast_card.part_{part}", part), _told(count))
        for part, count in _members(card.features.get("parts"))
    ]
    same = card.features.get("sha256") == provenance.features_hash()
    told = say("features_text", count=_told(card.features.get("count")))
    note = say("features_same" if same else "features_other")
    return Section(say("features"), (told, note), (say("part"), say("number")), tuple(rows))


def _by_day(card: Card, say: _Say) -> Section:
    days = card.metrics.get("by_day")
    rows = [
        (
            _told(one.get("day")),
            _told(one.get("stays")),
            *_beside(one, "cost", say),
            _figure(_part(one, "los").get("mae")),
            _yuan(_part(one, "amount").get("mae")),
            _share(_part(one, "amount").get("coverage")),
            *_likeliest(one),
        )
        for one in (days if isinstance(days, list) else [])
        if isinstance(one, dict)
    ]
    if not rows:
        return Section(say("by_day"), (say("not_judged"),))
    names = ("day", "stays", "cost_mae", "cost_base", "cost_margin", "los_mae", "amount_mae")
    headers = (*names, "amount_coverage", "group", "bare")
    told = tuple(say(f"head_{name}") for name in headers)
    return Section(say("by_day"), (say("by_day_text"),), told, tuple(rows))


def _beside(one: Mapping[str, Any], measure: str, say: _Say | None = None) -> tuple[str, str, str]:
    """The model's error, that of the best baseline with its name, and by how much it is better."""
    scores = _part(one, measure)
    own = _float(scores.get("mae"))
    known = {
        name: error
        for name, base in _members(scores.get("baselines"))
        if isinstance(base, dict) and (error := _float(base.get("mae"))) is not None
    }
    if own is None or not known:
        return _yuan(own), NOTHING, NOTHING
    best = min(sorted(known), key=lambda name: known[name])
    say = say or _Say(language())
    name = say.known(f"forecast_evaluation.baseline_{best}", best)
    margin = 1 - own / known[best] if known[best] else None
    return _yuan(own), f"{_yuan(known[best])} ({name})", _share(margin)


def _likeliest(one: Mapping[str, Any]) -> tuple[str, str]:
    group = _part(_part(one, "group"), "group")
    return _share(group.get("top1")), _share(group.get("bare"))


def _overall(card: Card, say: _Say) -> Section:
    whole = card.metrics.get("overall")
    rows = []
    for measure in MEASURES:
        scores = _part(whole, measure)
        if scores:
            name = say.known(f"forecast_evaluation.measure_{measure}", measure)
            told = _figure if measure == "los" else _yuan
            mae, bias, width = (told(scores.get(one)) for one in ("mae", "bias", "width"))
            r2 = _figure(scores.get("r2"))
            shares = (_share(scores.get(one)) for one in ("medape", "coverage", "level"))
            medape, coverage, level = shares
            rows.append((name, mae, medape, r2, bias, coverage, level, width))
    if not rows:
        return Section(say("overall"), (say("not_judged"),))
    heads = ("measure", "mae", "medape", "r2", "bias", "coverage", "level", "width")
    headers = tuple(say(f"head_{one}") for one in heads)
    return Section(say("overall"), (), headers, tuple(rows))


def _drift(card: Card, say: _Say) -> Section:
    if not card.drift:
        return Section(say("drift"), (say("drift_none"),))
    told = say(
        "drift_text",
        first=_text(card.drift.get("first")) or NOTHING,
        last=_text(card.drift.get("last")) or NOTHING,
        ranges=len(_members(card.drift.get("ranges"))),
        mixes=len(_members(card.drift.get("mixes"))),
    )
    return Section(say("drift"), (told,))


def _approvals(card: Card, given: Sequence[Approval], say: _Say) -> Section:
    own = [one for one in given if one.id == card.id]
    if not own:
        return Section(say("approvals"), (say("approvals_none"),))
    rows = tuple(
        (
            local(datetime.fromisoformat(one.at)),
            say(f"action_{one.action}"),
            one.by,
            one.why or NOTHING,
        )
        for one in own
    )
    headers = tuple(say(f"head_{one}") for one in ("at", "action", "by", "why"))
    return Section(say("approvals"), (), headers, rows)


def _made(card: Card, say: _Say) -> Section:
    libraries = " ".join(
        f"{name} {_text(version)}" for name, version in _members(card.code.get("libraries"))
    )
    rows = [
        (say("made_at"), local(card.trained_at)),
        (say("made_by"), card.command),
        (say("made_version"), _text(card.code.get("version")) or NOTHING),
        (say("made_sources"), _text(card.code.get("sources_sha256"))[:_HASH] or NOTHING),
        (say("made_features"), _text(card.features.get("sha256"))[:_HASH] or NOTHING),
        (say("made_libraries"), libraries or NOTHING),
    ]
    rows += [
        (say(f"made_{key}"), f"{name} {_text(value)[:_HASH]}".strip())
        for key in ("schemes", "policies")
        for name, value in _members(card.basis.get(key))
    ]
    return Section(say("made"), (), (say("what"), say("value")), tuple(rows))


def _files(card: Card, say: _Say) -> Section:
    rows = tuple((name, f"{one.size:,}", one.sha256[:_HASH]) for name, one in card.files.items())
    headers = tuple(say(f"head_{one}") for one in ("file", "bytes", "sha256"))
    return Section(say("files"), (say("files_text"),), headers, rows)


def headline(card: Card) -> dict[str, str]:
    """The few figures by which models are compared: stays, last discharge, cost error and baseline."""
    own, base, _ = _beside(_part(dict(card.metrics), "overall"), "cost")
    return {
        "stays": _told(card.data.get("stays")),
        "until": _told(card.data.get("last_discharge")),
        "cost": own,
        "base": base,
    }


def local(moment: datetime) -> str:
    """A moment as people here write it."""
    return f"{moment.astimezone(LOCAL):%Y-%m-%d %H:%M}"


def _part(found: Any, key: str) -> Mapping[str, Any]:  # noqa: ANN401 -- whatever a card holds
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, dict) else {}


def _members(found: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 -- as above
    return list(found.items()) if isinstance(found, dict) else []


def _text(value: Any) -> str:  # noqa: ANN401 -- as above
    return value if isinstance(value, str) else ""


def _told(value: Any) -> str:  # noqa: ANN401 -- as above
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _text(value) or NOTHING


def _float(value: Any) -> float | None:  # noqa: ANN401 -- as above
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _figure(value: Any) -> str:  # noqa: ANN401 -- as above
    found = _float(value)
    if found is None:
        return NOTHING
    return f"{found:,.0f}" if abs(found) >= _FINE * _FINE else f"{found:,.2f}"


def _yuan(value: Any) -> str:  # noqa: ANN401 -- as above
    found = _float(value)
    return NOTHING if found is None else f"{found:,.0f}"


def _share(value: Any) -> str:  # noqa: ANN401 -- as above
    found = _float(value)
    return NOTHING if found is None else f"{found * 100:,.1f}%"
