"""``grouper doctor``: everything the service needs, looked at one after the other, with what to do.

A check never ends the others: one that fails by itself says so. Nothing is changed, and nothing is said of
patients.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import sys
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from codebooks import paths
from codebooks.errors import GrouperError
from codebooks.registry import registry
from grouper.case.dates import LOCAL
from grouper.payment.place import NoPlaceError, Terms
from grouper.schemes.load import load_scheme
from grouper.service import status
from grouper.service.logs import fault_of
from grouper.service.readiness import schemes_wanted
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.service.supervisor import switched_on
from grouper.store import alert_rows, audit
from grouper.store.accounts import any_account
from grouper.store.database import Database, connect, files_of
from grouper.store.migrate import pending, see_not_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from grouper.service.settings import Pages, Settings, Web


_RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


class Level(StrEnum):
    """How a check stands."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: its name; the words are ``doctor.check.<name>``.
        level: how it stands.
        code: what was found, ``doctor.said.<code>``; of warnings and faults ``doctor.do.<code>`` says
            what to do. An error that we declare has its own code and words.
        params: values for the words.
        error: the error that we declare, if it was one.
    """

    check: str
    level: Level
    code: str
    params: Mapping[str, object] = field(default_factory=dict)
    error: GrouperError | None = None


@cache
def _limits() -> dict[str, Any]:
    return tomllib.loads((files("grouper.service") / "data" / "doctor.toml").read_text("utf-8"))


@dataclass
class Look:
    """What the checks work with.

    Attributes:
        settings: None: they cannot be read.
        database: None: it cannot be opened.
    """

    settings: Settings | None = None
    database: Database | None = None


def examine() -> Iterator[Finding]:
    """All checks, each as soon as it is done."""
    look = Look()
    try:
        for check in CHECKS:
            yield from _guarded(check, look)
    finally:
        if look.database is not None:
            look.database.close()


def _guarded(check: Callable[[Look], Iterator[Finding]], look: Look) -> Iterator[Finding]:
    name = check.__name__.removeprefix("check_")
    try:
        yield from check(look)
    except GrouperError as error:
        yield Finding(name, Level.FAULT, error.code, error=error)
    except Exception as error:  # noqa: BLE001 -- the other checks go on
        yield Finding(name, Level.FAULT, "failed", {"fault": fault_of(error)})


def check_program(_: Look) -> Iterator[Finding]:
    """Python and the extras."""
    least = tuple(_limits()["python"])
    level = Level.GOOD if sys.version_info[:2] >= least else Level.FAULT
    found = ".".join(map(str, sys.version_info[:3]))
    yield Finding("program", level, "python", {"found": found, "least": ".".join(map(str, least))})
    for extra, packages in _limits()["extras"].items():
        missing = [one for one in packages if find_spec(one) is None]
        if missing:
            words = {"extra": extra, "missing": ", ".join(missing)}
            yield Finding("program", Level.NOTE, "extra_absent", words)
        elif extra == "spark":
            yield from _java(_limits()["java"])


def _java(least: int) -> Iterator[Finding]:
    """Whether Spark finds a Java that is new enough; told only when not."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=None if home is None else str(Path(home) / "bin"))
    if found is None:
        yield Finding("program", Level.NOTE, "java_absent", {"least": least})
        return
    release = Path(found).resolve().parents[1] / "release"
    said = _RELEASE.search(release.read_text("utf-8")) if release.is_file() else None
    if said is not None and int(said[1]) < least:
        yield Finding("program", Level.NOTE, "java_old", {"found": said[1], "least": least})


def check_settings(look: Look) -> Iterator[Finding]:
    """The settings file, the environment, forms of messages."""
    look.settings = load_settings()
    configure_forms(look.settings)
    named = os.environ.get("GROUPER_CONFIG")
    yield Finding("settings", Level.GOOD, "settings_file" if named else "settings_default")
    if named and Path(named).stat().st_mode & 0o007 and _has_secret(Path(named)):
        yield Finding("settings", Level.WARNING, "settings_open", {"file": Path(named).name})


def _has_secret(file: Path) -> bool:
    """Whether a settings file itself holds a secret."""
    told = tomllib.loads(file.read_text("utf-8"))
    return "@" in str(told.get("database", "")) or "client_secret" in told.get("oidc", {})


def check_folders(look: Look) -> Iterator[Finding]:
    """The data folder and the service's: there, ours, closed to others, with room."""
    places = {"data": paths.installed()}
    if look.settings is not None:
        places["service"] = look.settings.folder
    for name, path in places.items():
        base = next(one for one in (path, *path.parents) if one.exists())
        if not os.access(base, os.W_OK | os.X_OK):
            yield Finding("folders", Level.FAULT, "folder_closed", {"folder": name})
            continue
        free = shutil.disk_usage(base).free
        words = {"folder": name, "free": f"{free / 1e9:,.1f}"}
        little = free < _limits()["free_bytes"]
        level, code = (Level.WARNING, "room_little") if little else (Level.GOOD, "room")
        yield Finding("folders", level, code, words)
        if path.exists() and path.stat().st_mode & 0o007:
            yield Finding("folders", Level.WARNING, "folder_open", {"folder": name})


def check_clock(_: Look) -> Iterator[Finding]:
    """Whether the clock can be right: not before this program, and zones are at hand."""
    now = datetime.now(UTC)
    least = datetime.combine(_limits()["not_before"], datetime.min.time(), UTC)
    shown = f"{now.astimezone(LOCAL):%Y-%m-%d %H:%M}"
    if now < least:
        yield Finding("clock", Level.FAULT, "clock_behind", {"now": shown})
    else:
        yield Finding("clock", Level.GOOD, "clock", {"now": shown})


def check_books(look: Look) -> Iterator[Finding]:
    """The schemes that bind now and a year ago, and the policy of the region."""
    if look.settings is None:
        return
    for error in registry().broken.values():
        yield Finding("books", Level.FAULT, error.code, error=error)
    region = registry().region(look.settings.region)
    names = schemes_wanted(look.settings)
    for name in names:
        load_scheme(name)
    said = {"region": region.id, "schemes": ", ".join(names)}
    yield Finding("books", Level.GOOD if names else Level.WARNING, "schemes", said)
    day = datetime.now(LOCAL).date()
    try:
        Terms(region=region.id).policy(region.id, day)
    except NoPlaceError:
        yield Finding("books", Level.WARNING, "policy_absent", {"region": region.id})
    else:
        yield Finding("books", Level.GOOD, "policy", {"region": region.id})


def check_database(look: Look) -> Iterator[Finding]:
    """The database: reached, up to date, with an account, its log whole."""
    if look.settings is None:
        return
    look.database = connect(look.settings.url)
    see_not_lost(look.database, look.settings.folder)
    files_wanted = files_of(look.database)
    there = [path for path in files_wanted if path.exists()]
    if files_wanted and not there:
        yield Finding("database", Level.WARNING, "no_database")
        return
    if not all(os.access(path, os.W_OK) for path in there):
        look.database.close()
        look.database = None
        yield Finding("database", Level.FAULT, "database_closed")
        return
    missing = pending(look.database)
    kind = "postgresql" if look.database.postgresql else "sqlite"
    if missing:
        yield Finding(
            "database", Level.WARNING, "tables_behind", {"kind": kind, "steps": len(missing)}
        )
        return
    yield Finding("database", Level.GOOD, "database", {"kind": kind})
    if not any_account(look.database):
        yield Finding("database", Level.WARNING, "no_account")
    with look.database.reading() as connection:
        report = audit.verify(connection, ())
    if report.faults:
        yield Finding("database", Level.FAULT, "audit_broken", {"faults": len(report.faults)})
    else:
        yield Finding("database", Level.GOOD, "audit_whole", {"entries": report.entries})


def check_processes(look: Look) -> Iterator[Finding]:
    """The processes of the service, and the alerts that stand."""
    if look.settings is None:
        return
    now = datetime.now(UTC)
    told = status.read(look.settings.folder)
    alive = [one.process for one in told if one.alive(now)]
    away = [name for name in switched_on(look.settings) if name not in alive]
    if not alive:
        yield Finding("processes", Level.NOTE, "not_running")
    else:
        yield Finding("processes", Level.GOOD, "running", {"names": ", ".join(alive)})
        if away:
            yield Finding("processes", Level.WARNING, "away", {"names": ", ".join(away)})
    if look.database is not None and not pending(look.database):
        with look.database.reading() as connection:
            count = len(alert_rows.standing(connection))
        if count:
            yield Finding("processes", Level.WARNING, "alerts", {"count": count})


def check_ports(look: Look) -> Iterator[Finding]:
    """Whether the ports are ours or free, and who may reach them."""
    if look.settings is None:
        return
    ports: dict[str, Web | Pages] = {"web": look.settings.web, "pages": look.settings.pages}
    running = any(one.alive(datetime.now(UTC)) for one in status.read(look.settings.folder))
    for name, one in ports.items():
        words = {"name": name, "host": one.host, "port": one.port}
        if not running and one.port and _taken(one.host, one.port):
            yield Finding("ports", Level.FAULT, "port_taken", words)
        elif not _loopback(one.host) and look.settings.web.tls_certificate is None:
            yield Finding("ports", Level.WARNING, "port_plain", words)
        else:
            yield Finding("ports", Level.GOOD, "port", words)


def check_proxy(look: Look) -> Iterator[Finding]:
    """Whether people reach the service by TLS, its own or that of a proxy that is trusted."""
    if look.settings is None:
        return
    proxy = look.settings.proxy
    words = {"proxies": ", ".join(proxy.trusted)}
    if proxy.trusted:
        level, code = (
            (Level.GOOD, "proxy") if look.settings.encrypted else (Level.WARNING, "proxy_plain")
        )
        yield Finding("proxy", level, code, words)
    elif not look.settings.encrypted:
        yield Finding("proxy", Level.NOTE, "proxy_none")


def check_certificate(look: Look) -> Iterator[Finding]:
    """The certificate: it and its key belong together, and it holds for a while yet."""
    if look.settings is None or look.settings.web.tls_certificate is None:
        return
    web = look.settings.web
    assert web.tls_certificate is not None  # noqa: S101 -- seen above
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(web.tls_certificate, web.tls_key)
        certificate = x509.load_pem_x509_certificate(web.tls_certificate.read_bytes())
    except (OSError, ValueError, ssl.SSLError):
        yield Finding("certificate", Level.FAULT, "certificate_unusable")
        return
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    words = {"day": f"{certificate.not_valid_after_utc.astimezone(LOCAL):%Y-%m-%d}"}
    if left < timedelta(0):
        yield Finding("certificate", Level.FAULT, "certificate_over", words)
    elif left < timedelta(days=_limits()["certificate_days"]):
        yield Finding("certificate", Level.WARNING, "certificate_ends", words)
    else:
        yield Finding("certificate", Level.GOOD, "certificate", words)


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((host, port))
        except OSError:
            return True
    return False


def _loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


CHECKS: tuple[Callable[[Look], Iterator[Finding]], ...] = (
    check_program,
    check_settings,
    check_folders,
    check_clock,
    check_books,
    check_database,
    check_processes,
    check_ports,
    check_proxy,
    check_certificate,
)
"""In their order: later ones use what earlier ones opened."""
