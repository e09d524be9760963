"""The demonstration hospital's month: made, priced, settled, and told by its own systems."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import typer

from codebooks.messages import language, text
from codebooks.policies.policies import policies
from grouper.case.record import Case
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.emit import emit
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml
from grouper.demo.service import DemoError, Running, pages, running, send_mllp, until_applied
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.run import priced_table
from grouper.payment.settlement.document import document
from grouper.payment.settlement.month import settle_month
from grouper.payment.settlement.telling import lines
from grouper.payment.tally import tally
from grouper.payment.words import as_html, explained
from grouper.run.one_case import grouping_of

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

MONTH = "2026-11"
SEED, SCALE = 20250101, 1.0
SHOWN_STAYS = 40
"""Stays of the month whose messages are sent to the service."""
_KINDS = ("inpatient", "outpatient", "long_stay")


def show(out: Path) -> None:
    """Make the month in a folder, price and settle it, and end with its settlement.

    Args:
        out: the folder of the demonstration; the hospital lies in ``hospital`` in it.
    """
    own = toml("hospital.toml")["hospital"]
    region, folder = own["region"], out / "hospital"
    plan = make_plan(MONTH, 1, SEED, SCALE, region=region, scheme=own["scheme"])
    made = make_hospital(folder, plan)
    told = {key: f"{count:,}" for key, count in made.manifest["totals"].items()}
    typer.echo("\n" + text("demo_month.made", None, month=MONTH, folder=str(folder), **told))
    priced = priced_table([folder / kind / f"{MONTH}.parquet" for kind in _KINDS], region=region)
    for line in tally(priced):
        typer.echo(line)
    _show_case(priced, region, out)
    _show_messages(folder, out, region, priced)
    settled = settle_month(
        priced, region=region, month=MONTH, at_hand=policies(), hospital=own["code"]
    )
    typer.echo("\n" + text("demo_month.settled"))
    for line in lines(document(settled, language())):
        typer.echo(line)


def _show_case(priced: pa.Table, region: str, out: Path) -> None:
    """The arithmetic of one stay: the dearest that deviates and has a full share."""
    wanted = pc.and_(pc.equal(priced["band"], "high"), pc.is_valid(priced["fund"]))
    chosen = priced.filter(wanted).sort_by([("total_cost", "descending")]).slice(0, 1)
    if not chosen.num_rows:
        raise DemoError("high")
    batch = chosen.combine_chunks().to_batches()[0]
    case = Case.from_batch(batch, 0)
    payment = price(case, grouping_of(case, None, region), Terms(region=region))
    if payment.amount != chosen["amount"][0].as_py():
        raise DemoError("both engines")
    typer.echo("\n" + text("demo_month.case", None, case=case.case_id) + "\n")
    typer.echo(explained(payment))
    page = out / "payment.html"
    page.write_text(as_html(payment), "utf-8")
    typer.echo(text("demo.page", None, file=str(page)))


def _show_messages(folder: Path, out: Path, region: str, priced: pa.Table) -> None:
    """Some of the month's stays enter by HL7 v2, as the hospital's systems would tell them."""
    sent = out / "hospital_messages"
    emit(folder, MONTH, sent, forms=("hl7v2",), stays=SHOWN_STAYS)
    settings = {
        "GROUPER_SERVICE_REGION": region,
        "GROUPER_SERVICE_FORMS": f'{{"hl7v2": {{"mapping": "{(sent / "hl7.toml").resolve()}"}}}}',
    }
    with running(out / "hospital_service", settings) as service:
        answers = send_mllp(service, sent)
        until_applied(service)
        words = ", ".join(f"{code} {count}" for code, count in sorted(answers.items()))
        count = sum(answers.values())
        typer.echo("\n" + text("demo_month.sent", None, count=count, answers=words))
        _hold_against(service, priced)


def _hold_against(service: Running, priced: pa.Table) -> None:
    """What the service made of the messages is what the file gave."""
    known = {
        one["case_id"]: one for one in priced.select(["case_id", "group", "amount"]).to_pylist()
    }
    same: Counter[bool] = Counter()
    with service.client(service.office) as client:
        for stay in pages(client, "cases"):
            answer = client.get(f"/api/v1/cases/{stay['case_id']}/payment")
            answer.raise_for_status()
            amount = answer.json()["payment"]["amount"]
            expected = known[stay["visit"]]["amount"]
            found = None if amount is None else Decimal(amount)
            same[found == expected] += 1
    typer.echo(text("demo_month.held", None, same=same[True], other=same[False]))
