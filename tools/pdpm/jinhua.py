"""The Jinhua form: the US structure for insurance-edition codes, its figures our assumption."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from codebooks.book import BookCard, SchemeBook, table_book
from codebooks.codes import code_set
from pdpm import common
from pdpm.common import ASSUMPTION, DERIVED, Rows
from pdpm.sources import toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pdpm.sources import Sources

CODES = "icd10-nhsa-2.0"
_STEP = Decimal("0.0001")
_RETURNED = "Return to Provider"


def book(sources: Sources) -> SchemeBook:
    """The book of Jinhua."""
    us, own, tables = toml("us.toml"), toml("jinhua.toml"), sources.tables()
    rows: Rows = {name: [] for name in ("groups", "conditions", "categories", "factors")}
    for key, entry in toml("conditions.toml").items():
        if key == "cannot_walk":
            continue
        when = own["conditions"].get(key, entry["any"])
        common.add_condition(rows, key, entry["name"], entry["name_en"], when, ASSUMPTION)
    common.categories(rows, ASSUMPTION)
    cells = [f"T{c}{b}" for c in range(1, 5) for b in range(1, 5)]
    common.therapy_groups(rows, tables, cells, ASSUMPTION)
    for entry in own["speech"]:
        key = f"speech_{entry['group']}"
        named = (entry["name"], entry["name_en"])
        common.add_condition(rows, key, *named, [entry["when"]], ASSUMPTION)
        common.add_group(rows, "SLP", entry["group"], entry["group"], *named, key)
    common.nursing_groups(rows, ASSUMPTION)
    common.ancillary_groups(rows, tables, ASSUMPTION)
    for row in rows["groups"]:
        row["letter"] = row["group"]
    rows["axes"] = [{**r, "sort": i} for i, r in enumerate(us["axes"], 1)]
    rows["components"] = [
        {**r, "points": Decimal(r["points"]), "sort": i, "standing": ASSUMPTION}
        for i, r in enumerate(own["components"], 1)
    ]
    rows["factors"] = factors(rows, own, tables)
    rows["decay"] = common.decay(ASSUMPTION)
    rows["diagnoses"] = diagnoses(sources)
    rows["lists"] = common.lists()
    rows["list_codes"] = list_codes(sources)
    replaced = ("GG", "B0700", "C0", "C1", "D0", "K0100", "K0510C2")
    kept = [i for i in common.items({}) if not i["item"].startswith(replaced)]
    rows["items"] = [*own["items"], *kept]
    rows["requirements"] = common.requirements(own["requirements"])
    rows["scores"] = [
        {
            **{k: entry[k] for k in ("score", "name", "name_en")},
            **own["scores"][entry["score"]],
            "part": "BARTHEL",
            "scale": "",
            "zero_if": "",
            "standing": ASSUMPTION,
        }
        for entry in us["scores"]
    ]
    gone = ("IMPAIRMENT", "SEVERE_IMPAIRMENT")
    rows["measures"] = common.measures([m for m in us["measures"] if m["measure"] not in gone])
    unused = {"communication_problem", "memory_problem", "decision_problem"}
    unused |= {"communication_severe", "decision_severe"}
    rows["conditions"] = [r for r in rows["conditions"] if r["condition"] not in unused]
    types = own["assessment_types"]
    rows["assessment_types"] = [{**r, "sort": i} for i, r in enumerate(types, 1)]
    return table_book(_card(), rows)


def factors(rows: Rows, own: Mapping[str, Any], tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The US indices stretched onto the published ranges; of speech the mean of merged cells."""
    index, base = tables["cmi_fy2020_22"], tables["base_urban_fy2022"]
    pt, ot = base["PT"], base["OT"]
    therapy = [(p * pt + o * ot) / (pt + ot) for p, o in zip(index["PT"], index["OT"], strict=True)]
    speech = [
        sum((index["SLP"][c] for c in e["cells"]), Decimal(0)) / len(e["cells"])
        for e in own["speech"]
    ]
    ranges = {k: (Decimal(v[0]), Decimal(v[1])) for k, v in own["factors"].items()}
    values = {
        "PTOT": stretch(therapy, *ranges["PTOT"]),
        "SLP": [v.quantize(_STEP, ROUND_HALF_UP) for v in speech],
        "NUR": stretch(index["NUR"], *ranges["NUR"]),
        "NTA": stretch(index["NTA"], *ranges["NTA"]),
    }
    found = []
    for component in rows["components"]:
        groups = [g["group"] for g in rows["groups"] if g["axis"] == component["axis"]]
        for group, factor in zip(groups, values[component["component"]], strict=True):
            row = {"component": component["component"], "group": group, "factor": factor}
            found.append({**row, "standing": ASSUMPTION})
    return found


def stretch(values: list[Decimal], low: Decimal, high: Decimal) -> list[Decimal]:
    """Bring values in a straight line onto a range."""
    least, most = min(values), max(values)
    return [
        (low + (v - least) / (most - least) * (high - low)).quantize(_STEP, ROUND_HALF_UP)
        for v in values
    ]


def diagnoses(sources: Sources) -> list[dict[str, Any]]:
    """What an insurance code says by the ICD-10-CM codes that begin with the same characters.

    Each code of the same first four characters (failing that, three) has a vote; codes that are
    returned to the provider vote only where nobody else does, since the United States tell by a
    seventh character what the insurance edition does not tell at all. Ties go to the category that
    leads among three characters, then to the first in the alphabet.
    """
    facts = {r["code"].replace(".", ""): r for r in common.diagnoses(sources)}
    by_prefix = _prefixes(facts)
    rows = []
    for code in code_set(CODES).codes:
        bare = code.replace(".", "")
        length = next((n for n in (4, 3) if bare[:n] in by_prefix), None)
        if length is None:
            rows.append({"code": code, "basis": "none", "neurologic": 0, "surgery": 1})
            continue
        voters = [facts[c] for c in by_prefix[bare[:length]]]
        wider = [facts[c] for c in by_prefix[bare[:3]]]
        named = [v for v in voters if v["clinical_category"] != _RETURNED] or voters
        votes = Counter(v["clinical_category"] for v in named)
        beyond = Counter(v["clinical_category"] for v in wider)
        winner = min(votes, key=lambda name: (-votes[name], -beyond[name], name))
        like = [v for v in named if v["clinical_category"] == winner]
        surgery = Counter(v["surgery"] for v in like)
        rows.append(
            {
                "code": code,
                "category": like[0]["category"],
                "clinical_category": winner,
                "neurologic": like[0]["neurologic"],
                "surgery": min(surgery, key=lambda s: (-surgery[s], s)),
                "basis": f"{length} characters",
                "votes": votes[winner],
                "of": len(voters),
            }
        )
    return rows


def list_codes(sources: Sources) -> list[dict[str, Any]]:
    """An insurance code is of a list when more than half of its ICD-10-CM codes are."""
    lists = sources.lists()
    by_prefix = _prefixes(sources.whole_map())
    found: dict[str, set[str]] = {name: set() for name in lists}
    for code in code_set(CODES).codes:
        bare = code.replace(".", "")
        length = next((n for n in (4, 3) if bare[:n] in by_prefix), None)
        if length is not None:
            voters = by_prefix[bare[:length]]
            for name, members in lists.items():
                if 2 * sum(v in members for v in voters) > len(voters):
                    found[name].add(code)
    return common.list_codes(found, DERIVED)


def _prefixes(codes: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in codes:
        for length in (3, 4):
            if len(code) >= length:
                found.setdefault(code[:length], []).append(code)
    return found


def _card() -> BookCard:
    return BookCard(
        id="pdpm-jinhua-2021",
        family="pdpm",
        region="jinhua",
        valid_from=date(2021, 10, 1),
        valid_to=None,
        diagnosis_code_set=CODES,
        procedure_code_set="icd9cm3-nhsa-2.0",
        newborn_weight="",
        standing=(
            "本软件自拟的默认方案：金华的分组界值、按日递减系数与各部分基数均未公开，"
            "表中标为 assumption 的各行为本软件的假定，由美国公开规则推得；临床大类由 ICD-10-CM "
            "编码按前 4 位（或 3 位）推得（derived）。医院取得正式表后应整表替换"
        ),
        source=(
            "金华市长期住院康复病例按床日付费的公开报道（四部分、功能分 0–24、权重范围、"
            "量表、评估周期）；CMS PDPM 公开规则与对照表"
        ),
        options={
            "code": "groups",
            "code_system": "nhsa",
            "late_after_days": 3,
            "interval_days": 30,
            "day_places": 2,
        },
        kinds=("long_stay",),
    )
