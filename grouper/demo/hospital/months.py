"""One month of the hospital as tables: everything together, nothing written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.demo.hospital.chains import origin_month
from grouper.demo.hospital.charges import charge
from grouper.demo.hospital.course import Courses
from grouper.demo.hospital.frames import CHARGE_SCHEMA, cases, charges, nested_lines
from grouper.demo.hospital.inpatients import inpatients, stays_of
from grouper.demo.hospital.lines import sums
from grouper.demo.hospital.long_stays import long_stays
from grouper.demo.hospital.outpatients import people, visits
from grouper.demo.hospital.planting import Field
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.violations import plant
from grouper.demo.hospital.world import Array, build_world

if TYPE_CHECKING:
    from grouper.demo.hospital.chains import Stays
    from grouper.demo.hospital.frames import Names
    from grouper.demo.hospital.inpatients import Front
    from grouper.demo.hospital.lines import Lines
    from grouper.demo.hospital.planting import Planted
    from grouper.demo.hospital.world import World


@dataclass(frozen=True, slots=True)
class MonthTables:
    """A month as tables, and what was planted in it.

    Attributes:
        inpatient, outpatient, long_stay: cases.
        charges: lines of the inpatient and long stays.
        planted: in the order inpatients, long stays, visits.
    """

    inpatient: pa.Table
    outpatient: pa.Table
    long_stay: pa.Table
    charges: pa.Table
    planted: list[Planted]


class Hospital:
    """Makes months; keeps what they share.

    Args:
        seed: what everything is drawn from.
        scale: factor on all numbers.

    Raises:
        CodebookError: the scheme's book is not at hand.
        HospitalError: ``DEMO_HOSPITAL_TABLE``.
    """

    def __init__(self, seed: int, scale: float) -> None:
        self.world: World = build_world(seed, scale)
        self.people = people(self.world)
        self._courses = Courses(self.world)
        self._origins: dict[int, Stays] = {}
        plan = toml("hospital.toml")
        self._own = {
            "hospital": plan["hospital"]["code"],
            "region": plan["hospital"]["region"],
            "code_system": "nhsa",
        }
        self._names: Names = {
            "departments": [row["code"] for row in plan["departments"]],
            "physicians": self.world.physicians,
        }

    def stays(self, month: int) -> Stays:
        """The inpatient stays discharged in a month, as drawn."""
        found = stays_of(self.world, month, self._origin)
        horizon = toml("hospital.toml")["returns"]["horizon_months"]
        for old in [m for m in self._origins if m < month - horizon]:
            del self._origins[old]
        return found

    def _origin(self, world: World, month: int) -> Stays:
        if month not in self._origins:
            self._origins[month] = origin_month(world, month)
        return self._origins[month]

    def month(self, month: int) -> MonthTables:
        """A month with everything in it."""
        stays = inpatients(self.world, month, self.stays(month))
        field = Field(self.world, stays, charge(self.world, stays))
        plant(field)
        # Last, by what the illness is: what was planted on a code is the coder's, not the ward's.
        self._courses.add(stays, field.principal)
        long = long_stays(self.world, month)
        seen = visits(self.world, month, self.people, stays)
        own = self._own
        inpatient = cases(
            stays.front,
            len(stays),
            own | {"kind": "inpatient"},
            _money(field.lines, len(stays), stays.front),
        )
        long_stay = cases(
            long.front,
            len(long),
            own | {"kind": "long_stay"},
            _money(long.lines, len(long), long.front),
            nested_lines(long.lines, len(long), long.departments, long.physicians, self._names),
        )
        outpatient = cases(
            seen.front,
            len(seen),
            own | {"kind": "outpatient"},
            _money(seen.lines, len(seen), seen.front),
            nested_lines(seen.lines, len(seen), seen.departments, seen.physicians, self._names),
        )
        billed = [
            charges(
                field.lines,
                stays.front["case_id"],
                stays.department,
                stays.stays.physician,
                self._names,
            ),
            charges(
                long.lines, long.front["case_id"], long.departments, long.physicians, self._names
            ),
        ]
        together = pa.concat_tables(billed).unify_dictionaries().cast(CHARGE_SCHEMA)
        planted = [*field.numbered(), *long.planted, *seen.planted]
        return MonthTables(inpatient, outpatient, long_stay, together, planted)


def _money(lines: Lines, count: int, front: Front) -> dict[str, Array]:
    """The sums of the lines as columns of the case, in fen; a planted difference on the total."""
    found = sums(lines, count)
    added = np.array(front.get("added_fen", [0] * count))
    return {
        "total_cost": found.total + added,
        "scope_cost": found.scope,
        "own_cost": found.own,
        "over_limit_cost": found.above,
        "first_share_cost": found.first,
    }
