"""Settings of the service: one TOML file, the environment above it, secrets from files.

``GROUPER_CONFIG`` names the file; ``GROUPER_SERVICE_<NAME>`` (nested: ``GROUPER_SERVICE_WEB__PORT``)
overrides a value; a file of that name in ``GROUPER_SECRETS`` (a folder) holds a secret. Unknown
names are refused. Defaults are safe: loopback only, no account, no documentation pages. What each
means is told in the catalogues (``setting.<name>``), from which ``docs/SETTINGS.md`` is made.
"""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from codebooks.audit.books import NATIONAL as BOOK
from codebooks.errors import GrouperError, Where
from codebooks.paths import installed
from codebooks.registry import NATIONAL
from grouper.forecast.registry.places import DEFAULT, is_name

ENV_CONFIG, ENV_SECRETS = "GROUPER_CONFIG", "GROUPER_SECRETS"
_PREFIX, _NESTED = "GROUPER_SERVICE_", "__"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(_Section):
    """The REST and CDS Hooks port; ``body_limit`` is in bytes."""

    host: str = "127.0.0.1"
    port: int = Field(8790, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    docs: bool = False
    body_limit: int = Field(64 * 1024 * 1024, gt=0)
    origins: tuple[str, ...] = ()


class Proxy(_Section):
    """The reverse proxy in front of the service; ``trusted`` are addresses or networks."""

    trusted: tuple[str, ...] = ()
    tls: bool = True

    @field_validator("trusted")
    @classmethod
    def _networks(cls, trusted: tuple[str, ...]) -> tuple[str, ...]:
        for one in trusted:
            # Everyone would be a proxy, and so could name any address as the client's.
            if ip_network(one).prefixlen == 0:
                raise ValueError(one)
        return trusted


class Oidc(_Section):
    """Sign-in by the hospital's identity provider; off without an issuer."""

    issuer: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    redirect: str = ""
    role_claim: str = "groups"
    roles: dict[str, str] = Field(default_factory=dict)
    department_claim: str = "department"


class Access(_Section):
    """Sessions, passwords and rates; times in seconds, rates in a minute."""

    idle: int = Field(30 * 60, gt=0)
    session: int = Field(10 * 3600, gt=0)
    sessions: int = Field(5, gt=0)
    attempts: int = Field(5, gt=0)
    lock: int = Field(15 * 60, gt=0)
    password_length: int = Field(12, ge=8)
    rate: int = Field(6000, gt=0)
    sign_in_rate: int = Field(20, gt=0)


class Intake(_Section):
    """The inbox; ``linger`` in milliseconds, ``alert_after`` in seconds."""

    group: int = Field(512, gt=0)
    linger: float = Field(2.0, ge=0)
    waiting: int = Field(4096, gt=0)
    retain_days: int = Field(90, gt=0)
    alert_after: float = Field(60.0, gt=0)


class Destination(_Section):
    """Where results go back to: names of a sender and an encoder, with their own options."""

    sender: str = "mllp"
    encoder: str = "hl7v2"
    when: str = Field("discharged", pattern="^(discharged|all)$")
    options: dict[str, Any] = Field(default_factory=dict)
    encoding: dict[str, Any] = Field(default_factory=dict)


class Forecast(_Section):
    """Forecasts of running stays; ``every`` in seconds."""

    on: bool = True
    model: str = Field(DEFAULT, min_length=1, max_length=64)
    hour: int = Field(1, ge=0, le=23)
    page: int = Field(100, gt=0, le=2000)
    drivers: bool = True
    every: float = Field(60.0, gt=0)

    @field_validator("model")
    @classmethod
    def _named(cls, model: str) -> str:
        if not is_name(model):
            # The same as of any other setting that is not of its form.
            raise ValueError(model)
        return model


class Audit(_Section):
    """The audit of stored stays; ``every`` in seconds."""

    on: bool = True
    hour: int = Field(2, ge=0, le=23)
    every: float = Field(30.0, gt=0)
    page: int = Field(100, gt=0, le=2000)
    book: str = Field(BOOK, min_length=1, max_length=64)
    shadow: bool = False


class Clerk(_Section):
    """The errands of the pages: long work, one after the other; ``every`` in seconds."""

    on: bool = True
    every: float = Field(1.0, gt=0)


_FLOORS = {"messages": 365, "insurer_lists": 365, "stays": 1096}
"""The fewest days of what a slip of the pen must not take away; a year is settled with the year before
it, so that stays of three years are needed."""


class Retention(_Section):
    """How many days what is kept after which it is swept at night; 0: for ever.

    Nothing goes that is under way (:mod:`grouper.service.retention`). The audit log and the settled
    months are never swept. ``on``: whether the clerk sweeps; ``hour``: local hour from which.

    ``stays``: whole stays with all that tells of them, after their end. For ever, since records of
    outpatients have to be kept for at least 15 years and those of inpatients for 30 (Article 53 of the
    detailed rules on medical institutions); whether this copy has to be, the hospital says.
    ``messages``: rows by which a message that comes again is known. For ever: without them it
    would be applied twice. ``repeats``: when it came again. ``outbox``: results that were sent.
    ``alerts``: that ended. ``order_checks``: what physicians were told before they signed; three
    years. ``forecasts``: of stays that ended; three years, by which models are judged.
    ``findings_gone``: own findings that went before anyone reviewed them. ``screenings``: runs of
    the audit. ``insurer_lists``: lists of findings whose review is over; for ever, as evidence.
    ``jobs``: files of cases that were handed in, after the job ended.
    """

    on: bool = True
    hour: int = Field(3, ge=0, le=23)
    messages: int = Field(0, ge=0)
    repeats: int = Field(365, ge=0)
    outbox: int = Field(365, ge=0)
    alerts: int = Field(365, ge=0)
    order_checks: int = Field(1096, ge=0)
    forecasts: int = Field(1096, ge=0)
    findings_gone: int = Field(365, ge=0)
    screenings: int = Field(731, ge=0)
    insurer_lists: int = Field(0, ge=0)
    stays: int = Field(0, ge=0)
    jobs: int = Field(30, ge=0)

    @field_validator(*_FLOORS)
    @classmethod
    def _long_enough(cls, days: int, info: ValidationInfo) -> int:
        least = _FLOORS[str(info.field_name)]
        if 0 < days < least:
            msg = f"0 or at least {least}"
            raise ValueError(msg)
        return days


class Pages(_Section):
    """The pages for people (``dashboards``); the TLS certificate is that of ``web``."""

    on: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8791, ge=0, le=65535)
    oidc_redirect: str = ""


def _folder() -> Path:
    return installed() / "service"


def _mllp() -> dict[str, dict[str, Any]]:
    return {"mllp": {}}


class Settings(BaseSettings):
    """All settings; their names here are those of the file."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_NESTED, extra="forbid", frozen=True
    )

    database: SecretStr = SecretStr("")
    folder: Path = Field(default_factory=_folder)
    hospital: str = "H0001"
    region: str = NATIONAL
    compare: tuple[str, ...] = ()
    language: str = Field("zh", pattern="^(zh|en)$")
    web: Web = Web()
    proxy: Proxy = Proxy()
    access: Access = Access()
    oidc: Oidc = Oidc()
    intake: Intake = Intake()
    forecast: Forecast = Forecast()
    audit: Audit = Audit()
    clerk: Clerk = Clerk()
    retention: Retention = Retention()
    pages: Pages = Pages()
    listeners: dict[str, dict[str, Any]] = Field(default_factory=_mllp)
    destinations: dict[str, Destination] = Field(default_factory=dict)
    forms: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def url(self) -> str:
        """URL of the database."""
        return self.database.get_secret_value() or f"sqlite:///{installed() / 'grouper.sqlite'}"

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the service by TLS, its own or that of the proxy."""
        return self.web.tls_certificate is not None or (bool(self.proxy.trusted) and self.proxy.tls)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values given, then the environment, secrets, and the file."""
        del dotenv_settings
        path = os.environ.get(ENV_CONFIG)
        file = TomlConfigSettingsSource(settings_cls, Path(path) if path else None)
        secrets = NestedSecretsSettingsSource(
            file_secret_settings, secrets_nested_delimiter=_NESTED
        )
        return init_settings, env_settings, secrets, file


def _check_names(secrets: str | None) -> None:
    """Refuse a variable or a secret whose name is no setting; the library passes it over.

    Raises:
        GrouperError: ``SETTING_INVALID``.
    """
    folder = Path(secrets) if secrets else None
    files = folder.iterdir() if folder and folder.is_dir() else ()
    given = [*os.environ, *(one.name for one in files)]
    for name in given:
        first = name.upper().removeprefix(_PREFIX).split(_NESTED)[0].lower()
        if name.upper().startswith(_PREFIX) and first not in Settings.model_fields:
            raise GrouperError("SETTING_INVALID", Where(), setting=name, why="unknown")


def load_settings(**values: Any) -> Settings:  # noqa: ANN401 -- each setting's own type
    """The settings of this process.

    Raises:
        GrouperError: ``SETTING_INVALID`` or ``SETTINGS_FILE``.
    """
    path = os.environ.get(ENV_CONFIG)
    where = Where(file=path) if path else Where()
    if path and not Path(path).is_file():
        raise GrouperError("SETTINGS_FILE", where)
    secrets = os.environ.get(ENV_SECRETS)
    _check_names(secrets)
    try:
        return Settings(_secrets_dir=secrets, **values) if secrets else Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise GrouperError("SETTING_INVALID", where, setting=name, why=first["msg"]) from None
    except ValueError as error:
        raise GrouperError("SETTINGS_FILE", where) from error
