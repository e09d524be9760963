"""What ``make serve`` shows: which hospital, until when, and by which settings it is served."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grouper.case.dates import LOCAL
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from pathlib import Path


_HOUR = 8
_LATEST = "2026-12-30T08:00"
"""The policy of the region that is shown ends with the year."""


def _month(number: int) -> str:
    """A month that is counted as twelve times the year, and the month from 0."""
    return f"{number // 12}-{number % 12 + 1:02}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The demonstration of the pages.

    The hospital's clock stands at ``at``: what its systems sent until then is in the service.

    Attributes:
        first: month with which the hospital begins; training knows it from there on.
        months: of the hospital.
        stored: the last so many months enter the service by messages.
        scale: 1.0 has 30,000 inpatient stays a year.
        seed: of the hospital.
        learnt_until: training knows the stays discharged before that day.
        at: the moment that is shown.
    """

    first: str = "2025-03"
    months: int = 21
    stored: int = 12
    scale: float = 0.2
    seed: int = 20250101
    learnt_until: str = "2026-10-01"
    at: str = "2026-11-20T08:00"

    @classmethod
    def of_day(cls, now: datetime) -> Plan:
        """The plan whose clock stands at the last morning, or at the last one of the region's policy.

        Args:
            now: aware.
        """
        own = now.astimezone(LOCAL)
        morning = own.replace(hour=_HOUR, minute=0, second=0, microsecond=0)
        if morning > own:
            morning -= timedelta(days=1)
        at = min(morning, datetime.fromisoformat(_LATEST).replace(tzinfo=LOCAL))
        number = 12 * at.year + at.month - 1
        return cls(
            first=_month(number - cls().months + 1),
            learnt_until=f"{_month(number - 1)}-01",
            at=f"{at:%Y-%m-%dT%H:%M}",
        )

    @classmethod
    def read(cls, written: str) -> Plan | None:
        """A plan as :meth:`written` wrote it; None: one of another program."""
        try:
            return cls(**json.loads(written))
        except (TypeError, ValueError):
            return None

    @property
    def moment(self) -> datetime:
        """The moment that is shown, aware."""
        return datetime.fromisoformat(self.at).replace(tzinfo=LOCAL)

    @property
    def all_months(self) -> list[str]:
        """The months of the hospital, such as ``2026-11``."""
        year, month = (int(part) for part in self.first.split("-"))
        at = range(12 * year + month - 1, 12 * year + month - 1 + self.months)
        return [_month(one) for one in at]

    @property
    def stored_months(self) -> list[str]:
        """The months of discharge whose messages enter the service."""
        return self.all_months[-self.stored :]

    def written(self) -> str:
        """As JSON, to be held against the plan of what was made before."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of the demonstration lies; nothing of it is in the user's own data.

    Attributes:
        folder: ``out/serve``.
    """

    folder: Path

    @property
    def hospital(self) -> Path:
        """Files of the demonstration hospital."""
        return self.folder / "hospital"

    @property
    def data(self) -> Path:
        """The hospital's data folder."""
        return self.folder / "data"

    @property
    def told(self) -> Path:
        """Messages of the hospital's systems, a folder a month."""
        return self.folder / "messages"

    @property
    def service(self) -> Path:
        """Folder of the service, with its database."""
        return self.folder / "service"

    def surroundings(self, port: int) -> dict[str, str]:
        """The settings of the service, as the environment has them.

        The hospital's clock stands still, so nothing is foretold or screened of the night that
        really passed.

        Args:
            port: of the pages; the one below it is that of REST.
        """
        own = toml("hospital.toml")["hospital"]
        mapping = (self.folder / "hl7.toml").resolve()
        return {
            "GROUPER_DATA": str(self.data.resolve()),
            "GROUPER_SERVICE_DATABASE": f"sqlite:///{(self.service / 'grouper.sqlite').resolve()}",
            "GROUPER_SERVICE_FOLDER": str(self.service.resolve()),
            "GROUPER_SERVICE_HOSPITAL": own["code"],
            "GROUPER_SERVICE_REGION": own["region"],
            "GROUPER_SERVICE_FORMS": json.dumps({"hl7v2": {"mapping": str(mapping)}}),
            "GROUPER_SERVICE_LISTENERS": "{}",
            "GROUPER_SERVICE_FORECAST__ON": "false",
            "GROUPER_SERVICE_AUDIT__ON": "false",
            "GROUPER_SERVICE_WEB__PORT": str(port - 1),
            "GROUPER_SERVICE_PAGES__ON": "true",
            "GROUPER_SERVICE_PAGES__PORT": str(port),
            # Old messages keep their words, so that the pages can show them.
            "GROUPER_SERVICE_INTAKE__RETAIN_DAYS": "36500",
        }
