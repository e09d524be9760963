"""The software bill of materials of a bundle, in CycloneDX."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bundle.wheels import Wheel

SCHEMA = SchemaVersion.V1_6


def bill(ours: Wheel, wheels: Collection[Wheel], extras: Iterable[str], epoch: int) -> str:
    """The bill of materials as JSON; the same wheels give the same text.

    Args:
        ours: our own wheel, what the bill is of.
        wheels: all of the bundle, ours among them.
        extras: those of ours that are installed.
        epoch: seconds since 1970 of what is bundled.
    """
    factory = LicenseFactory()
    components = {one.name: _component(one, factory) for one in wheels if one is not ours}
    root = _component(ours, factory)
    root.type = ComponentType.APPLICATION
    bom = Bom(
        components=components.values(),
        metadata=BomMetaData(component=root, timestamp=datetime.fromtimestamp(epoch, UTC)),
        serial_number=uuid5(NAMESPACE_URL, "".join(sorted(one.sha256 for one in wheels))),
    )
    components[ours.name] = root
    asked = _asked(ours, wheels, extras)
    for one in wheels:
        needs = sorted(needed(one, asked[one.name]) & components.keys())
        bom.register_dependency(components[one.name], [components[name] for name in needs])
    return str(make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1)) + "\n"


def needed(wheel: Wheel, extras: Iterable[str]) -> set[str]:
    """The packages that a wheel needs here, with these extras of it."""
    return {
        canonicalize_name(one.name)
        for one in wheel.requires
        if one.marker is None
        or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


def _asked(
    ours: Wheel, wheels: Collection[Wheel], extras: Iterable[str]
) -> dict[str, frozenset[str]]:
    """The extras of each wheel that somebody in the bundle asks for."""
    by_name = {one.name: one for one in wheels}
    asked: dict[str, frozenset[str]] = {one.name: frozenset() for one in wheels}
    asked[ours.name] = frozenset(extras)
    waiting = list(by_name)
    while waiting:
        wheel = by_name[waiting.pop()]
        for one in wheel.requires:
            name = canonicalize_name(one.name)
            wanted = one.marker is None or any(
                one.marker.evaluate({"extra": extra}) for extra in ("", *asked[wheel.name])
            )
            if wanted and name in by_name and not asked[name] >= one.extras:
                asked[name] |= one.extras
                waiting.append(name)
    return asked


def _component(wheel: Wheel, factory: LicenseFactory) -> Component:
    found = [factory.make_from_string(one) for one in wheel.licences]
    if len(found) > 1:
        # Beside other licences the schema allows no expression.
        found = [one for one in found if not isinstance(one, LicenseExpression)]
    return Component(
        name=wheel.name,
        version=wheel.version,
        type=ComponentType.LIBRARY,
        description=wheel.summary or None,
        licenses=found,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        purl=PackageURL("pypi", name=wheel.name, version=wheel.version),
        bom_ref=wheel.pin,
    )
