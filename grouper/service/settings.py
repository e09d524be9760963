"""Settings of the service: one TOML file, the environment above it, secrets from files.

``GROUPER_CONFIG`` names the file; ``GROUPER_SERVICE_<NAME>`` (nested: ``GROUPER_SERVICE_WEB__PORT``)
overrides a value; a file of that name in ``GROUPER_SECRETS`` (a folder) holds a secret. Unknown
names are refused. Defaults are safe: loopback only, no account, no documentation pages.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(_Section):
    """The REST and CDS Hooks port.

    ``tls_certificate`` and ``tls_key`` are PEM files. ``docs`` shows the OpenAPI pages. ``body_limit``
    is in bytes, ``origins`` are those that browsers may call from.
    """

    host: str = "127.0.0.1"
    port: int = Field(8790, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    docs: bool = False
    body_limit: int = Field(64 * 1024 * 1024, gt=0)
    origins: tuple[str, ...] = ()


class Oidc(_Section):
    """Sign-in by the hospital's identity provider; off without an issuer.

    ``role_claim`` names the claim whose values ``roles`` maps to ours; ``department_claim`` that
    of the departments.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    redirect: str = ""
    role_claim: str = "groups"
    roles: dict[str, str] = Field(default_factory=dict)
    department_claim: str = "department"


class Access(_Section):
    """Sessions, passwords and rates.

    Times in seconds: a session ends ``idle`` after its last use and ``session`` after its start.
    ``attempts`` wrong passwords lock an account for ``lock``. ``sessions`` is the most at once for
    one account; ``rate`` the requests a minute for one client, ``sign_in_rate`` those of sign-in.
    """

    idle: int = Field(30 * 60, gt=0)
    session: int = Field(10 * 3600, gt=0)
    sessions: int = Field(5, gt=0)
    attempts: int = Field(5, gt=0)
    lock: int = Field(15 * 60, gt=0)
    password_length: int = Field(12, ge=8)
    rate: int = Field(6000, gt=0)
    sign_in_rate: int = Field(20, gt=0)


class Intake(_Section):
    """The inbox.

    ``group`` is the most messages in one commit, ``linger`` the milliseconds that a commit waits
    for company; ``retain_days`` how long applied messages keep their raw bytes; ``alert_after``
    the seconds that a message may wait before an alert starts; ``waiting`` the most messages that
    may wait for their commit before senders are held back.
    """

    group: int = Field(512, gt=0)
    linger: float = Field(2.0, ge=0)
    waiting: int = Field(4096, gt=0)
    retain_days: int = Field(90, gt=0)
    alert_after: float = Field(60.0, gt=0)


class Destination(_Section):
    """Where results go back to: names of a sender and an encoder, with their own options.

    ``when`` says which results: of ``discharged`` stays or of ``all``.
    """

    sender: str = "mllp"
    encoder: str = "hl7v2"
    when: str = Field("discharged", pattern="^(discharged|all)$")
    options: dict[str, Any] = Field(default_factory=dict)
    encoding: dict[str, Any] = Field(default_factory=dict)


class Forecast(_Section):
    """Forecasts of running stays.

    ``on``: whether the process that makes them runs. ``model``: name of the models in the registry.
    ``hour``: local hour from which the forecasts of the day before are made. ``page``: stays in one
    transaction; ``drivers``: whether what drives the cost is named; ``every``: seconds between two
    looks.
    """

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
    """The audit of stored stays.

    ``on``: whether the process that screens runs. ``hour``: local hour from which the stays are
    screened each night. ``page``: persons in one transaction; ``every``: seconds between two looks.
    ``book``: id of the rule book. ``shadow``: whether rows of lists that are not public rules, and
    rules on trial, are asked; what they find is in shadow.
    """

    on: bool = True
    hour: int = Field(2, ge=0, le=23)
    every: float = Field(30.0, gt=0)
    page: int = Field(100, gt=0, le=2000)
    book: str = Field(BOOK, min_length=1, max_length=64)
    shadow: bool = False


class Clerk(_Section):
    """The errands of the pages: long work, one after the other.

    ``on``: whether the process that does them runs. ``every``: seconds between two looks.
    """

    on: bool = True
    every: float = Field(1.0, gt=0)


class Pages(_Section):
    """The pages for people (``dashboards``).

    ``on``: whether the process that shows them runs. The TLS certificate is that of ``web``.
    ``oidc_redirect``: where the identity provider (``oidc``) sends browsers back to, ending in
    ``/sign-in/oidc/back``; without it the pages ask for name and password alone.
    """

    on: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8791, ge=0, le=65535)
    oidc_redirect: str = ""


def _folder() -> Path:
    return installed() / "service"


def _mllp() -> dict[str, dict[str, Any]]:
    return {"mllp": {}}


class Settings(BaseSettings):
    """All settings.

    Attributes:
        database: URL, see :func:`grouper.store.database.connect`; by default a SQLite file in the
            data folder.
        hospital: code of the hospital; stands in every case that names none.
        region: pooling region of the hospital; of cases that name no place of treatment.
        compare: schemes that each case is grouped by beside the one that binds it.
        language: of texts to people and systems that ask for none.
        folder: where the service keeps what is no table: status of processes, jobs, exports.
        listeners: options of each listener by its name; an empty table takes its defaults. The
            name is its kind (``mllp``, ``folder``), or ``kind`` says which where there are several.
        destinations: where results go back to, by name.
        forms: options of forms by name (such as a file that overrides the HL7 mapping).
    """

    model_config = SettingsConfigDict(
        env_prefix="GROUPER_SERVICE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    database: SecretStr = SecretStr("")
    folder: Path = Field(default_factory=_folder)
    hospital: str = "H0001"
    region: str = NATIONAL
    compare: tuple[str, ...] = ()
    language: str = Field("zh", pattern="^(zh|en)$")
    web: Web = Web()
    access: Access = Access()
    oidc: Oidc = Oidc()
    intake: Intake = Intake()
    forecast: Forecast = Forecast()
    audit: Audit = Audit()
    clerk: Clerk = Clerk()
    pages: Pages = Pages()
    listeners: dict[str, dict[str, Any]] = Field(default_factory=_mllp)
    destinations: dict[str, Destination] = Field(default_factory=dict)
    forms: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def url(self) -> str:
        """URL of the database."""
        return self.database.get_secret_value() or f"sqlite:///{installed() / 'grouper.sqlite'}"

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
        return init_settings, env_settings, file_secret_settings, file


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
    try:
        return Settings(_secrets_dir=secrets, **values) if secrets else Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise GrouperError("SETTING_INVALID", where, setting=name, why=first["msg"]) from None
    except ValueError as error:
        raise GrouperError("SETTINGS_FILE", where) from error
