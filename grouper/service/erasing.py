"""One person's data erased, or limited to billing, wherever the service keeps them.

The order makes it one work that can be broken off anywhere and run again: it is written down first,
then come files, what became of messages, the messages, and last the rows of the store, in one transaction
with the entry of the audit log, for by them all else is found. Then the database is written anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.intake.forms import forms as all_forms
from grouper.service import erasing_files, status
from grouper.service.erasing_list import Erasure, ErasureList, data
from grouper.service.worker import Worker
from grouper.store import audit, erasing, erasing_inbox, erasing_subject, erasing_texts
from grouper.store.erasing_compact import compact
from grouper.store.inbox import Inbox
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.forms import Form
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.erasing_inbox import Messages
    from grouper.store.erasing_subject import Subject

ACTION = "person_erased"
PATIENT, VISIT = "patient", "visit"


@dataclass(frozen=True, slots=True)
class Returned:
    """A person of whom messages came again.

    Attributes:
        erasure: its number.
        at: when it was.
        cases: case ids of the stays that are here.
    """

    erasure: int
    at: datetime
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would do, or did.

    Attributes:
        subject: the person.
        messages: of the inbox.
        counts: rows, messages and files by place.
        months: discharged stays by local month.
    """

    subject: Subject
    messages: Messages
    counts: Mapping[str, int]
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases in one service.

    Args:
        settings: of the service.
        database: with its tables.
        forms: forms of messages by name; None: all that are installed.
    """

    settings: Settings
    database: Database
    forms: Mapping[str, Form] | None = None

    @property
    def erasures(self) -> ErasureList:
        """The list of erasures."""
        return ErasureList.at(self.settings)

    def plan(self, by: str, value: str, *, limit: bool, hospital: str | None = None) -> Plan:
        """What there is of a person; nothing is changed.

        Args:
            by: one of :data:`grouper.store.erasing_subject.BY`.
            value: the number, or a case id.
            limit: whether billing stays.
            hospital: code; None: that of the settings.

        Raises:
            StoreError: ``ERASE_UNKNOWN``, ``STORE_UNAVAILABLE``.
            GrouperError: ``ERASE_FILE``.
        """
        with self.database.reading() as connection:
            code = hospital or self.settings.hospital
            subject = erasing_subject.find(connection, code, by, value, _numbers())
        return self._plan(subject, limit=limit)

    def _plan(self, subject: Subject, *, limit: bool) -> Plan:
        with self.database.reading() as connection:
            counts = erasing.counted(connection, subject, limit=limit)
            ends = erasing_subject.discharges(connection, subject)
        messages = erasing_inbox.messages_of(self.database, subject)
        counts |= {"messages": len(messages.every), "waiting": len(messages.waiting)}
        counts |= erasing_files.counted(self.settings, subject.needles)
        months = Counter(f"{end.astimezone(LOCAL):%Y-%m}" for end in ends)
        return Plan(subject, messages, counts, dict(sorted(months.items())))

    def ready(self) -> None:
        """See that nobody else works on the data, and apply what waits in the inbox.

        Raises:
            GrouperError: ``ERASE_RUNNING``: processes of the service run.
            StoreError: ``STORE_UNAVAILABLE``.
        """
        present = datetime.now(UTC)
        running = [one.process for one in status.read(self.settings.folder) if one.alive(present)]
        if running:
            raise GrouperError("ERASE_RUNNING", processes=", ".join(sorted(running)))
        # What a message says is found by what it did.
        worker = Worker(self.settings, self.database, self._known_forms)
        while worker.step():
            pass

    def erase(self, plan: Plan, *, limit: bool, why: str, actor: str) -> None:
        """Erase a person, or limit what is kept to billing.

        Args:
            plan: of :meth:`plan`, made after :meth:`ready`.
            limit: as for the plan.
            why: a code of ``erasing.toml``.
            actor: who asked, as the audit log names it.

        Raises:
            GrouperError: ``ERASE_SHARED``: a message waits that speaks of others too;
                ``ERASE_FILE``, ``ERASE_LIST``.
            StoreError: ``STORE_UNAVAILABLE``, ``STORE_BUSY``.
        """
        self._alone(plan)
        entry = self.erasures.begin(self._marks(plan), now(), why, limit=limit)
        self._take(plan, entry, actor)
        compact(self.database)
        self.erasures.finish(entry.number)

    def _marks(self, plan: Plan) -> set[str]:
        mark = self.erasures.marker()
        marks = {mark(PATIENT, *one) for one in plan.subject.patients}
        return marks | {mark(VISIT, *one) for one in plan.subject.visits}

    def finish_taken(self, plan: Plan, actor: str, *, limit: bool) -> bool:
        """Finish erasures of a person whose rows were gone already: what is here now came later.

        Args:
            plan: of what is here now; nothing of it is touched.
            actor: who asked.
            limit: as for the plan.

        Returns:
            Whether there was one.

        Raises:
            GrouperError, StoreError: as :meth:`erase`.
        """
        taken = [one for one in self.unfinished() if one.taken and one.limit == limit]
        marks = self._marks(plan) if taken else set()
        return bool(self._again([one for one in taken if one.marks & marks], actor))

    def _take(self, plan: Plan, entry: Erasure, actor: str) -> None:
        subject, messages, limit = plan.subject, plan.messages, entry.limit
        erasing_files.erase(self.settings, subject.needles, limit=limit)
        with self.database.writing_store() as connection:
            erasing_inbox.settle(connection, subject, messages, limit=limit)
        erasing_inbox.blank(self.database, subject, messages, limit=limit)
        about = {"limit": limit, "why": entry.why, "counts": dict(plan.counts)}
        with self.database.writing_store() as connection:
            if limit:
                erasing.limit(connection, subject, data()["limited"]["extra"])
            else:
                erasing_inbox.unlink(connection, subject, messages)
                erasing.erase(connection, subject)
                erasing_texts.star(connection, subject.needles)
            audit.append(connection, actor, ACTION, f"erasure:{entry.number}", about)
        self.erasures.take(entry.number)

    def unfinished(self) -> list[Erasure]:
        """Erasures that were broken off.

        Raises:
            GrouperError: ``ERASE_LIST``.
            StoreError: ``STORE_UNAVAILABLE``.
        """
        found = [one for one in self.erasures.entries() if not one.done]
        return [replace(one, taken=one.taken or self._told(one)) for one in found]

    def _told(self, entry: Erasure) -> bool:
        """Whether the audit log says that the rows are gone, where the list was not reached any more."""
        with self.database.reading() as connection:
            about, begun = f"erasure:{entry.number}", entry.spans[-1][0]
            return bool(
                audit.entries(connection, object=about, action=ACTION, since=begun, limit=1)
            )

    def finish(self, actor: str) -> int:
        """Bring to their end all erasures that were broken off; returns how many.

        Raises:
            GrouperError, StoreError: as :meth:`erase`.
        """
        return self._again(self.unfinished(), actor)

    def reapply(self, since: datetime, actor: str) -> int:
        """Erase again who was erased after a backup was made, once it was restored.

        All of them are first written down as not done, so that :meth:`finish` knows of those that
        this could not do.

        Args:
            since: when the backup was made, aware.
            actor: who asked.

        Returns:
            How many erasures there were.

        Raises:
            GrouperError, StoreError: as :meth:`erase`, and as :meth:`ready`.
        """
        numbers = {one.number for one in self.erasures.entries() if one.due(since)}
        if not numbers:
            return 0
        for number in sorted(numbers):
            self.erasures.reopen(number)
        self.ready()
        return self._again([one for one in self.unfinished() if one.number in numbers], actor)

    def finish_for(self, by: str, value: str, actor: str, hospital: str | None = None) -> bool:
        """Finish the erasure of a person that is not here any more, if it was broken off.

        Args:
            by: as for :meth:`plan`.
            value: likewise.
            actor: who asked.
            hospital: likewise.

        Returns:
            Whether there was one.

        Raises:
            GrouperError, StoreError: as :meth:`erase`.
        """
        mark = self.erasures.marker()(by, hospital or self.settings.hospital, value)
        entries = [one for one in self.unfinished() if mark in one.marks]
        return bool(self._again(entries, actor))

    def _again(self, entries: list[Erasure], actor: str) -> int:
        """Do what is left of erasures that are not done; of one that fails the others are done too."""
        if not entries:
            return 0
        persons, stays = self._rows()
        failed: dict[int, GrouperError] = {}
        for entry in entries:
            if entry.taken:
                continue
            own = {n for mark in entry.marks for n in persons.get(mark, ())}
            visits = {n for mark in entry.marks for n in stays.get(mark, ())}
            try:
                self._take_rows(entry, own, visits, actor)
            except GrouperError as error:
                failed[entry.number] = error
        if len(failed) < len(entries):
            compact(self.database)
        for entry in entries:
            if entry.number not in failed:
                self.erasures.finish(entry.number)
        if failed:
            raise next(iter(failed.values()))
        return len(entries)

    def _take_rows(self, entry: Erasure, own: set[int], visits: set[int], actor: str) -> None:
        if not (own or visits):
            return
        with self.database.reading() as connection:
            subject = erasing_subject.gather(connection, own, visits, _numbers())
        plan = self._plan(subject, limit=entry.limit)
        self._alone(plan)
        self._take(plan, entry, actor)

    def returned(self) -> list[Returned]:
        """Persons of whom messages came again after they were erased.

        Raises:
            GrouperError: ``ERASE_LIST``.
            StoreError: ``STORE_UNAVAILABLE``.
        """
        entries = [one for one in self.erasures.entries() if one.done and not one.limit]
        persons, _ = self._rows() if entries else ({}, {})
        found = []
        with self.database.reading() as connection:
            for entry in entries:
                for number in sorted({n for mark in entry.marks for n in persons.get(mark, ())}):
                    cases = erasing_subject.cases_of(connection, number)
                    found.append(Returned(entry.number, entry.at, cases))
        return found

    def _rows(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        """The rows of persons and of stays by the hashes of their numbers."""
        mark = self.erasures.marker()
        found: tuple[dict[str, list[int]], dict[str, list[int]]] = ({}, {})
        asked = ((PATIENT, erasing_subject.patients), (VISIT, erasing_subject.visits))
        with self.database.reading() as connection:
            for (kind, numbers), rows in zip(asked, found, strict=True):
                for number, code, said in numbers(connection):
                    rows.setdefault(mark(kind, code, said), []).append(number)
        return found

    @property
    def _known_forms(self) -> Mapping[str, Form]:
        return all_forms() if self.forms is None else self.forms

    def _alone(self, plan: Plan) -> None:
        """See that no message that waits for a person speaks of others too: it is kept nowhere else."""
        own = {*plan.subject.needles.numbers, ""}
        inbox = Inbox(self.database)
        for number in plan.messages.waiting:
            stored = inbox.one(number)
            if stored.raw is None:
                continue
            form = self._known_forms.get(stored.form)
            try:
                events = None if form is None else list(form.events(stored.raw))
            except Exception:  # noqa: BLE001 -- why it waits: it cannot be read
                events = None
            if events is None:
                # Nobody can tell of whom else it speaks.
                raise GrouperError("ERASE_SHARED", message=number)
            named = {n for one in events for n in (one.patient, one.visit, one.prior_patient)}
            if named - own:
                raise GrouperError("ERASE_SHARED", message=number)


def _numbers() -> erasing_subject.Numbers:
    told = data()["numbers"]
    certificates = tuple(told["certificates"])
    return erasing_subject.Numbers(told["least"], certificates, frozenset(told["said"]))


def reapply(
    database: Database,
    settings: Settings,
    since: datetime,
    actor: str = "restore",
) -> int:
    """After a restore: erase again who was erased since the backup was made.

    Args:
        database: with its tables, up to date.
        settings: of the service; its processes do not run.
        since: when the backup was made, aware.
        actor: who restored.

    Returns:
        How many erasures there were.

    Raises:
        GrouperError, StoreError: as :meth:`Eraser.erase`, and as :meth:`Eraser.ready`.
    """
    return Eraser(settings, database).reapply(since, actor)
