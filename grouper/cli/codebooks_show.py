"""``grouper codebooks show``: a card, a group, a named set, or one code and where it stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from codebooks.code_storage import in_language
from codebooks.codes import code_set, code_set_folders, kind_of_set
from codebooks.crosswalk import Crosswalk, crosswalk_folders
from codebooks.errors import CodebookError, GrouperError
from codebooks.lookup import code_use, group_rows, set_members
from codebooks.registry import registry
from codebooks.storage import read_manifest
from grouper.cli.codebooks_list import origin, origin_words, region_name
from grouper.cli.codebooks_render import (
    count_words,
    print_heading,
    print_json,
    print_pairs,
    print_table,
    say,
    say_known,
    validity,
)
from grouper.cli.codebooks_tables import show_in_tables
from grouper.rules.parser import parse
from grouper.rules.set_names import SetNames, set_label
from grouper.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codebooks.book import SchemeBook
    from codebooks.code_storage import CodeCard
    from codebooks.codes import CodeSet
    from codebooks.lookup import CodeUse, GroupRow


def show(book_id: str, code: str | None, *, as_json: bool) -> None:
    """Show what ``book_id`` is, or what it says of ``code``.

    Raises:
        CodebookError: ``BOOK_UNKNOWN``, ``CODE_UNKNOWN``, or as the readers of books and sets.
    """
    schemes = registry()
    if book_id in schemes.cards:
        if code is None:
            _show_scheme(book_id, as_json=as_json)
        else:
            _show_in_scheme(schemes.book(book_id), code, as_json=as_json)
    elif book_id in code_set_folders():
        codes = code_set(book_id)
        if code is None:
            _show_code_card(codes, as_json=as_json)
        else:
            _show_code(codes, code, as_json=as_json)
    elif book_id in (walks := crosswalk_folders()):
        walk = Crosswalk(walks[book_id])
        if code is None:
            _show_code_card(walk, as_json=as_json)
        else:
            _show_targets(walk, code, as_json=as_json)
    else:
        known = ", ".join((*sorted(schemes.cards), *code_set_folders(), *crosswalk_folders()))
        raise CodebookError("BOOK_UNKNOWN", found=book_id, known=known)


def _field(name: str, value: str) -> tuple[str, str]:
    return say(f"field.{name}"), value


def _show_scheme(scheme: str, *, as_json: bool) -> None:
    schemes = registry()
    card, folder = schemes.card(scheme), schemes.folders[scheme]
    manifest = read_manifest(folder)
    bindings = [b for b in schemes.bindings if b.scheme == scheme]
    if as_json:
        bound = [asdict(b) for b in bindings]
        print_json({**manifest, "origin": origin(folder), "bindings": bound})
        return
    options = [
        say_known("option", name) if on is True else f"{say_known('option', name)}: {on}"
        for name, on in card.options.items()
        if on is not False
    ]
    weight = say_known("weight", card.newborn_weight) if card.newborn_weight else say("none")
    bound_to = [f"{region_name(b.region)} {validity(b.valid_from, b.valid_to)}" for b in bindings]
    print_pairs(
        [
            _field("id", card.id),
            _field("family", card.family),
            _field("region", region_name(card.region)),
            _field("validity", validity(card.valid_from, card.valid_to)),
            _field("binds", "\n".join(bound_to) or say("none")),
            _field("code_sets", f"{card.diagnosis_code_set}\n{card.procedure_code_set}"),
            _field("newborn_weight", weight),
            _field("options", "\n".join(options) or say("none")),
            _field("counts", count_words(manifest["counts"])),
            _field("hash", manifest["content_sha256"]),
            _field("origin", origin_words(origin(folder))),
            _field("source", card.source),
            _field("standing", card.standing),
        ]
    )


def _show_code_card(item: CodeSet | Crosswalk, *, as_json: bool) -> None:
    card: CodeCard = item.card
    same = sorted(item.ambiguous) if isinstance(item, Crosswalk) else None
    if as_json:
        extra = {} if same is None else {"ambiguous": same}
        print_json({**item.manifest.to_json(), "origin": origin(item.folder), **extra})
        return
    pairs = [
        _field("id", card.id),
        _field("name", in_language(card.name)),
        _field("kind", say(f"kind.{card.kind}")),
        _field("edition", card.edition),
        _field("validity", validity(card.valid_from, card.valid_to)),
        _field("counts", count_words(dict(item.manifest.counts))),
        _field("hash", item.manifest.content_sha256),
        _field("origin", origin_words(origin(item.folder))),
        _field("source", in_language(card.source)),
        _field("standing", in_language(card.standing)),
    ]
    if same is not None:
        pairs.append(_field("ambiguous", say("show.ambiguous", count=len(same))))
    print_pairs(pairs)


def _show_in_scheme(book: SchemeBook, code: str, *, as_json: bool) -> None:
    """A group, a named set, an exclusion table or a code: whatever the scheme has of that name."""
    if book.card.family != "drg":
        show_in_tables(book, code, _names(book, code), as_json=as_json)
        return
    groups = group_rows(book, code)
    members = set_members(book, code)
    use = code_use(book, code)
    if not groups and not members and not use:
        raise CodebookError("CODE_UNKNOWN", found=code, id=book.card.id)
    if as_json:
        found: dict[str, Any] = {"scheme": book.card.id}
        if groups:
            found["groups"] = [asdict(group) for group in groups]
        if members:
            found["set"] = {"id": code.upper(), "codes": members}
        if use:
            found["code"] = {"names": _names(book, code), **asdict(use)}
        print_json(found)
        return
    for group in groups:
        _print_group(book, group)
    if members:
        _print_members(book, code.upper(), members)
    if use:
        names = _names(book, code)
        print_heading(f"{code}  {say('separator').join(names.values())}".rstrip())
        _print_uses([use])


def _rule_words(book: SchemeBook, rule: str) -> str:
    """The rule in words, or why it cannot be read."""
    try:
        return describe(parse(rule), names=SetNames.of(book))
    except GrouperError as error:
        return error.describe()


def _print_group(book: SchemeBook, group: GroupRow) -> None:
    row = group.row
    print_heading(f"{say(f'kind.{group.table}')}  {row[group.table]}  {row['name'] or ''}".rstrip())
    parents = [row[name] for name in ("mdc", "adrg") if name != group.table and name in row]
    pairs = [
        _field("rule", row["rule"] or say("show.empty_rule")),
        _field("rule_words", _rule_words(book, row["rule"] or "")),
        _field("rank", str(row["sort"])),
    ]
    if parents:
        pairs.append(_field("parents", " > ".join(parents)))
    if row.get("source_row") is not None:
        pairs.append(_field("source_row", str(row["source_row"])))
    print_pairs(pairs)
    if group.below:
        child = "adrg" if group.table == "mdc" else "drg"
        print_table(
            [say(f"kind.{child}"), say("column.name"), say("column.rule")],
            [[r[child], r["name"] or "", r["rule"] or say("show.empty_rule")] for r in group.below],
        )
    typer.echo()


def _print_members(book: SchemeBook, set_id: str, members: tuple[str, ...]) -> None:
    label = set_label(book, set_id)
    if kind_of_set(set_id) is None:
        label = f"{say('show.exclusion_table')} {set_id}"
    print_heading(f"{label}  {say('count.codes', count=len(members))}")
    names = [say("separator").join(_names(book, code).values()) for code in members]
    print_table(
        [say("column.code"), say("column.name")],
        [[code, name] for code, name in zip(members, names, strict=True)],
    )


def _names(book: SchemeBook, code: str) -> dict[str, str]:
    """The name of a code in each of the scheme's code sets that has it."""
    sets = (book.card.diagnosis_code_set, book.card.procedure_code_set)
    at_hand = code_set_folders()
    found = {s: code_set(s).name(code) for s in dict.fromkeys(sets) if s in at_hand}
    return {s: name for s, name in found.items() if name is not None}


def _show_code(codes: CodeSet, code: str, *, as_json: bool) -> None:
    official = codes.canonical(code)
    if official is None:
        raise CodebookError("CODE_UNKNOWN", found=code, id=codes.id)
    schemes = registry()
    using = [
        id_
        for id_, card in sorted(schemes.cards.items())
        if codes.id in (card.diagnosis_code_set, card.procedure_code_set) and card.family == "drg"
    ]
    uses = [use for id_ in using if (use := code_use(schemes.book(id_), official))]
    name = codes.name(official) or ""
    walks = [Crosswalk(f) for f in crosswalk_folders().values()]
    targets = {w.id: w.to(official) for w in walks if w.source_id == codes.id and official in w}
    if as_json:
        plain = [asdict(use) for use in uses]
        print_json(
            {
                "set": codes.id,
                "code": official,
                "name": name,
                "schemes": plain,
                "crosswalks": targets,
            }
        )
        return
    print_heading(f"{official}  {name or say('show.unnamed')}")
    if targets:
        print_pairs([(id_, say("separator").join(found)) for id_, found in targets.items()])
    _print_uses(uses)
    if using and not uses:
        typer.echo(say("show.unused"))


def _print_uses(uses: Iterable[CodeUse]) -> None:
    rows: list[list[str]] = []
    comma = say("separator")
    for use in uses:
        level = comma.join(
            say("show.level", level=level, exclusion=exclusion or say("none"))
            for level, exclusion in use.cc
        )
        marks = [
            say(f"show.{mark}") for mark in ("not_principal", "not_grouping") if getattr(use, mark)
        ]
        rows.append(
            [use.scheme, level, comma.join(use.excludes), comma.join(marks), " ".join(use.sets)]
        )
    if rows:
        names = ("scheme", "level", "excludes", "remarks", "sets")
        print_table([say(f"column.{name}") for name in names], rows)


def _show_targets(walk: Crosswalk, code: str, *, as_json: bool) -> None:
    source, target = code_set(walk.source_id), code_set(walk.target_id)
    official = source.canonical(code) or code
    if official not in walk:
        raise CodebookError("CODE_UNKNOWN", found=code, id=walk.id)
    targets = {found: target.name(found) or "" for found in walk.to(official)}
    ambiguous = official in walk.ambiguous
    if as_json:
        print_json(
            {
                "crosswalk": walk.id,
                "code": official,
                "name": source.name(code),
                "targets": targets,
                "ambiguous": ambiguous,
            }
        )
        return
    print_heading(f"{official}  {source.name(code) or ''}".rstrip())
    print_pairs([(f"→ {found}", name) for found, name in targets.items()])
    if not targets:
        typer.echo(say("show.no_target"))
    if ambiguous:
        typer.echo(say("show.beware", code=official, name=target.name(official) or ""))
