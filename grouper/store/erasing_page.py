"""The tables of ``docs/PERSONAL_DATA.md``, made from the inventory; what stands around them is written by hand."""

from __future__ import annotations

from itertools import groupby

from grouper.store.erasing_inventory import Place, places

BEGIN, END = (
    "<!-- made from personal_data.csv: begin -->",
    "<!-- made from personal_data.csv: end -->",
)
_HEADINGS = {
    "store": "### Tables of the store",
    "inbox": "### Tables of the inbox",
    "files": "### Files",
}
_HEAD = {
    True: ["| table | what | columns | kept | erased | limited |", "| --- |" + " --- |" * 5],
    False: ["| files | what | for | kept | erased | limited | note |", "| --- |" + " --- |" * 6],
}


def render() -> str:
    """The tables: columns of one table that are treated alike share a row; without those that hold nothing."""
    lines: list[str] = []
    for place, heading in _HEADINGS.items():
        of_tables = place != "files"
        lines += [heading, "", *_HEAD[of_tables]]
        own = [one for one in places() if one.place == place]
        lines += _columns(own) if of_tables else [_file(one) for one in own]
        lines.append("")
    return "\n".join(lines)


def page(written: str) -> str:
    """A page with its tables made anew.

    Args:
        written: the page as it is; both marks stand in it.
    """
    before, _, rest = written.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{render()}\n{END}{after}"


def _alike(one: Place) -> tuple[str, str, str, str, str]:
    return one.name, one.kind, one.keep, one.erased, one.limited


def _columns(own: list[Place]) -> list[str]:
    held = sorted((one for one in own if one.kind != "none"), key=_alike)
    lines = []
    for (name, kind, keep, erased, limited), group in groupby(held, _alike):
        told = [f"`{one.column}`" + (f" ({one.note})" if one.note else "") for one in group]
        lines.append(f"| `{name}` | {kind} | {', '.join(told)} | {keep} | {erased} | {limited} |")
    return lines


def _file(one: Place) -> str:
    cells = (one.name, one.kind, one.why, one.keep, one.erased, one.limited, one.note)
    return f"| {' | '.join(cells)} |"
