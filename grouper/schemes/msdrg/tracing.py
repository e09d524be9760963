"""The trace of an MS-DRG grouping, put together from its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.schemes.msdrg.codes import name_of
from grouper.schemes.msdrg.output import columns_of, weight_of
from grouper.schemes.telling import (
    case_part,
    evidence,
    named,
    part_line,
    result_part,
    scheme_part,
    step,
    value_part,
    warnings_part,
)
from grouper.schemes.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.schemes.msdrg.answer import Answer, Outcome
    from grouper.schemes.msdrg.claims import Request
    from grouper.schemes.msdrg.roles import Role
    from grouper.schemes.msdrg.tables import Group, Tables


def trace_of(tables: Tables, content_hash: str, answer: Answer) -> Trace:
    """The trace of an answer."""
    return Trace(_Teller(tables, content_hash, answer).tell)


class _Teller:
    def __init__(self, tables: Tables, content_hash: str, answer: Answer) -> None:
        self.tables = tables
        self.content_hash = content_hash
        self.answer = answer

    def tell(self, lang: str) -> dict[str, Any]:
        steps = list(self._steps(lang))
        return {
            "scheme": scheme_part(self.tables.card, self.content_hash),
            "result": self._result(lang),
            "case": case_part(
                self.answer.facts.dx, self.answer.facts.px, self._name, list(self._values(lang))
            ),
            "path": steps if self.answer.grouped else [],
            "steps": steps,
            "complications": list(self._complications()),
            "parts": list(self._parts(lang)),
            "warnings": warnings_part(self.answer.warnings, lang),
        }

    def _name(self, code: str) -> str:
        return name_of(code, self.tables.card.diagnosis_code_set)

    def _result(self, lang: str) -> dict[str, Any]:
        columns = columns_of(self.tables, self.answer)
        mdc, base, group = columns["mdc"], columns["adrg"], columns["group"]
        return result_part(
            lang,
            self.answer.status,
            self.answer.reason,
            group=named(group, columns["group_name"]) if group else None,
            mdc=named(mdc, self._mdc_name(mdc)) if mdc else None,
            adrg=named(base, self._base_name(base)) if base else None,
            group_kind=columns["group_kind"],
            weight=weight_of(self.tables, self.answer),
        )

    def _group(self, code: str) -> Group | None:
        request = self.answer.request
        return self.tables.groups.get((request.version.number, code)) if request else None

    def _mdc_name(self, mdc: str) -> str:
        request = self.answer.request
        return self.tables.mdcs.get((request.version.number, mdc), "") if request else ""

    def _base_name(self, base: str) -> str:
        """A base DRG is called as the first of its groups is."""
        group = self._group(base)
        return group.name if group else ""

    def _values(self, lang: str) -> Iterator[dict[str, Any]]:
        request = self.answer.request
        if request is None:
            return
        if self.answer.facts.day is not None:
            day = self.answer.facts.day.isoformat()
            yield value_part("discharge_time", text("msdrg.value.day", lang), day, day)
        values = request.values
        if "sex" in values:
            shown = text(f"msdrg.sex.{values['sex']}", lang)
            yield value_part("sex", text("msdrg.value.sex", lang), values["sex"], shown)
        if "age" in values:
            shown = text("msdrg.years", lang, age=values["age"])
            yield value_part("age", text("msdrg.value.age", lang), values["age"], shown)
        if "discharge_status" in values:
            status = values["discharge_status"]
            name = self.tables.status_name(status, request.day, lang) or ""
            label = text("msdrg.value.discharge_status", lang)
            yield value_part("discharge_status", label, status, f"{status:02} {name}".rstrip())

    def _steps(self, lang: str) -> Iterator[dict[str, Any]]:
        request, initial, final = self.answer.request, self.answer.initial, self.answer.final
        if request is None:
            return
        yield self._version_step(request, lang)
        if initial is None or final is None:
            return
        if self.answer.grouped:
            rule = text("msdrg.mdc_rule", lang, mdc=final.mdc)
            asked = [evidence(text("msdrg.principal", lang), request.principal.written, holds=True)]
            name = self._mdc_name(final.mdc)
            words = text("msdrg.mdc_words", lang)
            yield step("mdc", final.mdc, name, holds=True, rule=rule, words=words, asked=asked)
        yield self._drg_step("initial", initial, lang)
        yield self._drg_step("final", final, lang)

    def _version_step(self, request: Request, lang: str) -> dict[str, Any]:
        version = request.version
        named_by_card = self.tables.options.version is not None
        rule = f"{version.start.isoformat()} <= discharge_time < {version.end.isoformat()}"
        if named_by_card:
            rule = f"version = {version.number}"
        day = self.answer.facts.day
        return step(
            "msdrg_version",
            version.label,
            text("msdrg.fiscal_year", lang, year=version.fiscal_year),
            holds=True,
            rule=rule,
            words=text("msdrg.version_fixed" if named_by_card else "msdrg.version_words", lang),
            asked=[evidence("discharge_time", day.isoformat() if day else None, holds=True)],
            sheet="versions",
        )

    def _drg_step(self, which: str, outcome: Outcome, lang: str) -> dict[str, Any]:
        group = self._group(outcome.group)
        holds = self.tables.meaning(outcome.return_code, outcome.group)[1] is None
        if holds:
            asked = [
                self._decided(role, lang) for role in self.answer.roles if _decides(role, which)
            ]
        else:
            asked = [evidence("return_code", outcome.return_code, holds=False)]
        return step(
            f"msdrg_{which}",
            outcome.group,
            group.name if group else "",
            holds=holds,
            rule=text(
                "msdrg.drg_rule",
                lang,
                base=group.base if group else "",
                level=outcome.level or text("msdrg.no_level", lang),
            ),
            words=text(f"msdrg.{which}_words", lang),
            asked=asked,
        )

    def _decided(self, role: Role, lang: str) -> dict[str, Any]:
        return evidence(text(f"msdrg.action.{role.action}", lang), role.written, holds=True)

    def _complications(self) -> Iterator[dict[str, Any]]:
        """The other diagnoses of which the exclusion list of the principal one alone decides."""
        request = self.answer.request
        for role in self.answer.roles:
            if role.action in ("mcc", "cc", "excluded") and request is not None:
                yield {
                    **named(role.written, self._name(role.written)),
                    "level": role.level,
                    "counts": role.action != "excluded",
                    "exclusion": request.version.label,
                    "principal": request.principal.written,
                }

    def _parts(self, lang: str) -> Iterator[dict[str, Any]]:
        lines = [(which, getattr(self.answer, which)) for which in ("initial", "final")]
        number = 0
        for which, outcome in lines:
            if outcome is not None:
                number += 1
                group = self._group(outcome.group)
                yield part_line(
                    number,
                    "",
                    text(f"msdrg.{which}", lang),
                    group=outcome.group,
                    group_name=group.name if group else "",
                    action=outcome.return_code,
                    why=outcome.level or "",
                    weight=group.weight if group else None,
                )
        for role in self.answer.roles:
            number += 1
            name = self._name(role.written) if role.kind == "diagnosis" else ""
            action = text(f"msdrg.action.{role.action}", lang)
            yield part_line(number, role.written, name, action=action, why=self._why(role, lang))

    def _why(self, role: Role, lang: str) -> str:
        words = []
        if role.level and role.level.lower() != role.action:
            words.append(role.level)
        if role.letter:
            words.append(text(f"msdrg.poa.{role.letter}", lang))
        request = self.answer.request
        version = request.version.number if request else 0
        for number, state in role.hacs:
            name = self.tables.hacs.get((version, number), "")
            words.append(text(f"msdrg.hac.{state}", lang, number=f"{number:02}", name=name))
        impact = role.impact
        if role.acquired and impact == "BOTH":
            impact = "INITIAL"  # it is not among the complications of the final grouping
        words.append(text(f"msdrg.impact.{impact}", lang))
        return text("msdrg.separator", lang).join(words)


def _decides(role: Role, which: str) -> bool:
    if role.action == "principal":
        return True
    if which == "final" and role.acquired:
        return False
    return role.impact in (which.upper(), "BOTH")
