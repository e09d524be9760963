"""The resources of a message and what their references lead to.

A reference is followed by one step only; chains (``partOf``) are followed by
:func:`Resources.root` and :func:`Resources.chain`, which end at a resource seen before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hl7_adapters.fhir.values import Json, identifier, items, objects, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOCAL = re.compile(r"(?:(?P<base>.*)/)?(?P<type>[A-Z][A-Za-z]*)/(?P<id>[A-Za-z0-9.\-]{1,64})")
_QUERY = re.compile(
    r"(?P<type>[A-Z][A-Za-z]*)\?identifier=(?:(?P<system>[^|&]*)\|)?(?P<value>[^|&]+)"
)


class Resources:
    """All resources of one message, by type, with their places and ways to find them."""

    def __init__(self, root: Json) -> None:
        self.by_type: dict[str, list[Json]] = {}
        self._place: dict[int, str] = {}
        self._base: dict[int, str] = {}
        self._holder: dict[int, Json] = {}
        self._urls: dict[str, Json] = {}
        self._local: dict[tuple[str, str], list[Json]] = {}
        self._contained: dict[tuple[int, str], Json] = {}
        self._identified: dict[tuple[str, str, str], Json] | None = None
        self._nameless: set[int] = set()
        self.twice: list[str] = []
        if root.get("resourceType") == "Bundle":
            for at, entry in enumerate(items(root.get("entry"))):
                resource = entry.get("resource") if isinstance(entry, dict) else None
                if isinstance(resource, dict):
                    self._add(resource, text(entry.get("fullUrl")), f"Bundle.entry[{at}].resource")
                    request = entry.get("request")
                    if isinstance(request, dict) and request.get("method") == "POST":
                        self._nameless.add(id(resource))
        else:
            self._add(root, "", text(root.get("resourceType")))

    def _add(self, resource: Json, url: str, place: str) -> None:
        self._file(resource, place)
        kind, own = text(resource.get("resourceType")), text(resource.get("id"))
        if url:
            if url in self._urls:
                self.twice.append(place)
            self._urls.setdefault(url, resource)
            found = _LOCAL.fullmatch(url) if "/" in url else None
            if found and found["base"]:
                self._base[id(resource)] = found["base"]
                own = own or found["id"]
        if own:
            self._local.setdefault((kind, own), []).append(resource)
        contained = resource.get("contained")
        if contained is None:
            return
        for at, inner in enumerate(items(contained)):
            if isinstance(inner, dict):
                self._file(inner, f"{place}.contained[{at}]")
                self._holder[id(inner)] = resource
                self._nameless.add(id(inner))
                self._contained[id(resource), text(inner.get("id"))] = inner

    def _file(self, resource: Json, place: str) -> None:
        self.by_type.setdefault(text(resource.get("resourceType")), []).append(resource)
        self._place[id(resource)] = place

    def all(self, kind: str) -> list[Json]:
        """The resources of a type, in their order."""
        return self.by_type.get(kind, [])

    def place(self, resource: Json) -> str:
        """Where in the message a resource stands, as a FHIRPath."""
        return self._place.get(id(resource), "")

    def has_id(self, resource: Json) -> bool:
        """Whether the id of a resource is its own: not where it is contained or to be created."""
        return id(resource) not in self._nameless

    def find(self, reference: object, owner: Json, kind: str = "") -> Json | None:
        """What a reference (or the reference of a CodeableReference) leads to.

        Args:
            reference: any value; a reference to nothing in the message gives None.
            owner: the resource that states it.
            kind: the type that it must have; empty: any.
        """
        found = self._find(reference, owner, kind)
        return None if found is None or (kind and found.get("resourceType") != kind) else found

    def address(self, reference: object, owner: Json) -> tuple[str, str] | None:
        """What a reference of this text means wherever it stands; None: it depends on its owner."""
        written = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(written, str) or written.startswith("#"):
            return None
        return self._base.get(id(owner), ""), written

    def _find(self, reference: object, owner: Json, kind: str) -> Json | None:
        if not isinstance(reference, dict):
            return None
        inner = reference.get("reference")
        if isinstance(inner, dict):
            reference, inner = inner, inner.get("reference")
        if isinstance(inner, str) and inner.strip():
            found = self._by_text(inner.strip(), owner)
            if found is not None:
                return found
        logical = reference.get("identifier")
        if isinstance(logical, dict):
            wanted = text(reference.get("type")) or kind
            return self._by_identifier(wanted, text(logical.get("system")), logical.get("value"))
        return None

    def _by_text(self, written: str, owner: Json) -> Json | None:
        if written[0] == "#":
            holder = self._holder.get(id(owner), owner)
            return self._contained.get((id(holder), written[1:])) if written[1:] else holder
        found = self._urls.get(written)
        if found is not None:
            return found
        query = _QUERY.fullmatch(written)
        if query:
            return self._by_identifier(query["type"], query["system"] or "", query["value"])
        local = _LOCAL.fullmatch(written.partition("/_history/")[0])
        if not local:
            return None
        holder = self._holder.get(id(owner), owner)
        base = local["base"] or self._base.get(id(holder), "")
        if base:
            found = self._urls.get(f"{base}/{local['type']}/{local['id']}")
            if found is not None:
                return found
        # One of the same type and id, unless both name a server and it is not the same.
        known = [
            resource
            for resource in self._local.get((local["type"], local["id"]), ())
            if not local["base"] or self._base.get(id(resource), local["base"]) == local["base"]
        ]
        return known[0] if len(known) == 1 else None

    def _by_identifier(self, kind: str, system: str, value: object) -> Json | None:
        wanted = identifier(value)
        if not wanted:
            return None
        if self._identified is None:
            self._identified = {}
            for name, resources in self.by_type.items():
                for resource in resources:
                    for stated in objects(resource.get("identifier")):
                        key = (name, text(stated.get("system")), identifier(stated.get("value")))
                        self._identified.setdefault(key, resource)
        return self._identified.get((kind, system, wanted))

    def chain(
        self, resource: Json, paths: Sequence[tuple[str, ...]], kind: str
    ) -> tuple[list[Json], str]:
        """A resource, what it is part of, and so on, and what ended it.

        Returns:
            The chain; and empty for a whole one, ``lost`` when the last reference leads to nothing
            in the message, or ``cycle``: then the chain ends at that member of the cycle which
            stands first in the message, whichever member it began with.
        """
        found = [resource]
        while True:
            reference = self._reference(found[-1], paths)
            if reference is None:
                return found, ""
            upper = self.find(reference, found[-1], kind)
            if upper is None:
                return found, "lost"
            for at, seen in enumerate(found):
                if upper is seen:
                    return [*found[:at], self._first(found[at:], kind)], "cycle"
            found.append(upper)

    def _first(self, members: list[Json], kind: str) -> Json:
        return next(r for r in self.all(kind) if any(r is member for member in members))

    @staticmethod
    def _reference(resource: Json, paths: Sequence[tuple[str, ...]]) -> object:
        return next((v for path in paths for v in objects(resource.get(path[0]))), None)


def logical(reference: object) -> Json | None:
    """The identifier that a reference states beside or in place of its address."""
    if not isinstance(reference, dict):
        return None
    inner = reference.get("reference")
    stated = (inner if isinstance(inner, dict) else reference).get("identifier")
    if isinstance(stated, dict):
        return stated
    found = _QUERY.fullmatch(inner) if isinstance(inner, str) else None
    return {"system": found["system"] or "", "value": found["value"]} if found else None


def shape(reference: object) -> str:
    """The kind of a reference, without the number in it (which may be a patient's)."""
    inner = reference.get("reference") if isinstance(reference, dict) else None
    if isinstance(inner, dict):
        inner = inner.get("reference")
    if not isinstance(inner, str):
        return "?"
    if inner.startswith(("urn:uuid:", "urn:oid:")):
        return inner[:8]
    found = _LOCAL.fullmatch(inner)
    return f"{found['type']}/…" if found else "?"
