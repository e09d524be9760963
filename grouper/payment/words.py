"""A payment in words: as a document, a text and a page, in Chinese and English."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from codebooks.messages import catalogue, language, text
from codebooks.policies.forms import dimensions, topic_forms
from grouper.payment.result import PAYMENT_SCHEMA

if TYPE_CHECKING:
    from codebooks.policies.policy import Value
    from grouper.payment.result import Payment
    from grouper.payment.sheet import Input, Line

_AMOUNTS = ("amount", "fund", "deducted", "patient", "surplus")
_NUMBERS = ("unit_weight", "points", "point_value")
_LEAST_PLACES = 2


def document(payment: Payment, lang: str | None = None) -> dict[str, Any]:
    """The payment as plain values: dictionaries, lists, texts and truth values.

    Keys as the columns of ``PAYMENT_SCHEMA``; numbers are texts, so that no reader rounds them.
    ``lines`` is the arithmetic: what it is, the formula in words and in numbers, the value and, for
    each input, what it rests on. ``assumptions`` are values that the sources leave open.
    """
    lang = lang or language()
    found: dict[str, Any] = {
        "language": lang,
        "pay_status": payment.status.value,
        "policy": payment.policy.id if payment.policy else None,
        "region": payment.policy.region if payment.policy else None,
        "method": payment.method,
        "method_name": payment.method and text(f"pay.method.{payment.method}", lang),
        "pay_reason": payment.reason,
        "reason_text": payment.reason and _told_reason(payment.reason, lang, payment.params),
        "advice": payment.reason and advice_text(payment.reason, lang, payment.params),
        "share_reason": payment.share_reason,
        "share_reason_text": payment.share_reason
        and _told_reason(payment.share_reason, lang, payment.share_params),
        "share_advice": payment.share_reason and advice_text(payment.share_reason, lang),
        "band": payment.band,
        "band_name": payment.band and text(f"pay.band.{payment.band.value}", lang),
        "review": payment.review,
        "warnings": [{"code": c, "text": reason_text(c, lang)} for c in payment.warnings],
        "lines": [told_line(line, lang) for line in payment.lines],
        "assumptions": [
            told_value(value, lang)
            for value in sorted(payment.asked, key=lambda one: one.path)
            if value.assumption
        ],
    }
    for name in (*_AMOUNTS, *_NUMBERS):
        number = getattr(payment, name)
        found[name] = None if number is None else f"{number:f}"
    return found


def as_text(payment: Payment, lang: str | None = None) -> str:
    """The payment as lines of text."""
    told = document(payment, lang)
    lang = told["language"]
    rows = [text("pay.text.policy", lang, policy=told["policy"] or "-")]
    if told["method"]:
        rows.append(text("pay.text.method", lang, method=told["method_name"]))
    if told["pay_reason"]:
        rows.append(
            text(
                "pay.text.unpriced",
                lang,
                code=told["pay_reason"],
                reason=told["reason_text"],
                advice=told["advice"],
            )
        )
    if told["band"]:
        rows.append(text("pay.text.band", lang, band=told["band_name"]))
    rows += [
        text("pay.text.amount", lang, name=label(name, lang), value=shown(Decimal(told[name])))
        for name in _AMOUNTS
        if told[name] is not None
    ]
    if told["share_reason"]:
        words = {"reason": told["share_reason_text"], "advice": told["share_advice"]}
        rows.append(text("pay.text.share", lang, **words))
    rows += [text("pay.text.warning", lang, **one) for one in told["warnings"]]
    return "\n".join(rows)


def explained(payment: Payment, lang: str | None = None) -> str:
    """The payment with its arithmetic, line by line, and what each number rests on."""
    told = document(payment, lang)
    lang = told["language"]
    rows = [as_text(payment, lang), "", text("pay.text.arithmetic", lang)]
    for number, line in enumerate(told["lines"], 1):
        rows.append(f"{number:>3}. {line['written']}")
        rows += [
            "       " + text("pay.text.input", lang, **one, mark=_mark(one, lang))
            for one in line["inputs"]
            if one["path"]
        ]
    if told["assumptions"]:
        rows += ["", text("pay.text.assumptions", lang)]
        rows += ["  " + text("pay.text.assumed", lang, **one) for one in told["assumptions"]]
    return "\n".join(rows)


def as_json(payment: Payment, lang: str | None = None) -> str:
    """The document as JSON."""
    return json.dumps(document(payment, lang), ensure_ascii=False, indent=1)


def as_html(payment: Payment, lang: str | None = None) -> str:
    """The payment as a page of its own."""
    told = document(payment, lang)
    labels = {name: label(name, told["language"]) for name in (*_NUMBERS, *_AMOUNTS)}
    words = {
        key.removeprefix("pay.page."): value
        for key, value in catalogue(told["language"]).items()
        if key.startswith("pay.page.")
    }
    template = _templates().get_template("payment.html")
    numbers = {name: shown(Decimal(told[name])) for name in labels if told[name] is not None}
    return template.render(told=told, labels=labels, words=words, numbers=numbers)


def label(column: str, lang: str | None = None) -> str:
    """What a column of ``PAYMENT_SCHEMA`` is called.

    Raises:
        KeyError: there is no such column.
    """
    return text(f"pay.column.{PAYMENT_SCHEMA.field(column).name}", lang)


def reason_text(code: str, lang: str | None = None, params: dict[str, Any] | None = None) -> str:
    """The words of a reason or warning."""
    found = _text(f"reason.{code}", lang, params or {})
    return found if found is not None else _text(f"error.{code}", lang, params or {}) or code


def advice_text(code: str, lang: str | None = None, params: dict[str, Any] | None = None) -> str:
    """What is to be done about a reason; empty where no text says."""
    return _text(f"advice.{code}", lang, params or {}) or ""


def _told_reason(code: str, lang: str, params: dict[str, Any]) -> str:
    """The words of a reason with what exactly it was that the policy lacks, where that is known."""
    found = reason_text(code, lang, params)
    if "path" in params:
        topic, _, name = str(params["path"]).partition(".")
        form = topic_forms()[topic].parameters.get(name) if topic in topic_forms() else None
        named = form.called(lang) if form is not None else params["path"]
        keys = _keys(str(params.get("keys", "")), lang)
        return found + text("pay.text.lacking", lang, named=named, path=params["path"], keys=keys)
    detail = _text(f"pay.lacking.{code}", lang, params)
    return found if detail is None else found + detail


def _keys(written: str, lang: str) -> str:
    """For which keys of its dimensions a value was asked, such as ``level=?, hospital=H1``."""
    found = []
    for one in written.split(", "):
        name, _, key = one.partition("=")
        if name in dimensions():
            of = dimensions()[name]
            said = text("settlement.not_stated", lang) if key == "?" else of.key_called(key, lang)
            found.append(text("pay.text.key", lang, name=of.called(lang), key=said))
    return "".join(found)


def _text(key: str, lang: str | None, params: dict[str, Any]) -> str | None:
    words = catalogue(lang or language())
    if key not in words:
        return None
    # A reason in a table comes without the values that its text may name.
    return words[key].format_map(_Gaps(params))


class _Gaps(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def shown(value: Decimal | str) -> str:
    """A number for people: thousands apart, no noughts at the end beyond two places."""
    if isinstance(value, str):
        return value
    written = f"{value:,f}"
    if "." in written:
        whole, places = written.split(".")
        places = places.rstrip("0").ljust(min(len(places), _LEAST_PLACES), "0")
        written = f"{whole}.{places}" if places.strip("0") or len(places) else whole
    return written


def told_line(line: Line, lang: str) -> dict[str, Any]:
    """A line as plain values: label, formula, the same in numbers, value, and its inputs."""
    inputs = [_input(line, one, lang) for one in line.inputs]
    found: dict[str, Any] = {
        "section": line.section,
        "name": line.name,
        "label": text(f"pay.{line.section}.line.{line.name}", lang),
        "value": f"{line.value:f}" if isinstance(line.value, Decimal) else line.value,
        "unit": line.unit,
        "inputs": inputs,
    }
    if isinstance(line.value, str):
        words = {one["name"]: one["shown"] for one in inputs}
        found["formula"] = found["worked"] = ""
        said = _text(f"pay.{line.section}.word.{line.value}", lang, words) or line.value
        found["written"] = text("pay.text.said", lang, label=found["label"], word=said)
        return found
    formula = f"pay.{line.section}.formula.{line.name}"
    found["formula"] = text(formula, lang, **{one["name"]: one["label"] for one in inputs})
    found["worked"] = text(formula, lang, **{one["name"]: one["shown"] for one in inputs})
    unit = text(f"pay.unit.{line.unit}", lang) if line.unit else ""
    parts = {"label": found["label"], "formula": found["formula"], "worked": found["worked"]}
    found["written"] = text("pay.text.line", lang, **parts, value=shown(line.value), unit=unit)
    return found


def _input(line: Line, one: Input, lang: str) -> dict[str, Any]:
    found = {
        "name": one.name,
        "label": text(f"pay.{line.section}.input.{one.name}", lang),
        "shown": shown(one.value) if isinstance(one.value, Decimal) else _said(one.value, lang),
        "row": one.row,
        "path": None,
    }
    return found | (told_value(one.given, lang) if one.given is not None else {})


def _said(value: str, lang: str) -> str:
    """Words of the policy and the record, such as methods, as people call them; others as they are."""
    words = catalogue(lang)
    return ", ".join(
        words.get(f"pay.method.{one}") or words.get(f"pay.value.{one}") or one
        for one in value.split(", ")
    )


def told_value(value: Value, lang: str) -> dict[str, Any]:
    """A value of the policy as plain values: what it is, since when, and what it rests on."""
    given = value.given
    forms = topic_forms()
    until = given.valid_to.isoformat() if given.valid_to else ""
    return {
        "path": value.path,
        "parameter": forms[given.topic].parameters[given.form.name].called(lang),
        "value": shown(value.number)
        if isinstance(value.value, Decimal | int) and not isinstance(value.value, bool)
        else _short(value.value, lang),
        "since": given.valid_from.isoformat(),
        "until": until,
        "source": given.source,
        "note": given.note,
        "assumption": given.assumption,
        "own": given.own,
    }


def _short(value: Any, lang: str) -> str:  # noqa: ANN401 -- of any kind of parameter
    if isinstance(value, bool):
        return text(f"pay.flag.{'yes' if value else 'no'}", lang)
    if isinstance(value, tuple):
        return f"[{len(value)}]"
    return str(value)


def _mark(one: dict[str, Any], lang: str) -> str:
    return text("pay.text.mark", lang) if one["assumption"] else ""


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("grouper.payment", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
