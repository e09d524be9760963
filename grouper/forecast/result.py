"""What a forecast says: the columns of many, and what stands behind a refusal or a warning."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from grouper.payment.result import PAYMENT_SCHEMA

YUAN = pa.decimal128(18, 2)
"""Arrow type of an amount foretold, in yuan."""
POINT_VALUE = PAYMENT_SCHEMA.field("point_value").type
"""Arrow type of a point value, in yuan."""
_WORD = pa.string()
_LIKELY = pa.list_(
    pa.struct(
        [
            ("group", pa.string()),
            ("name", pa.string()),
            ("adrg", pa.string()),
            ("mdc", pa.string()),
            ("probability", pa.float64()),
        ]
    )
)
_DRIVERS = pa.list_(
    pa.struct([("feature", pa.string()), ("value", pa.float64()), ("effect", pa.float64())])
)


class ForecastStatus(StrEnum):
    """What became of a case that was asked about."""

    FORECAST = "forecast"
    REFUSED = "refused"


class ForecastReason(StrEnum):
    """Why there is no forecast, or why it is less sure; words under ``reason.<code>``."""

    NO_ADMISSION = "FORECAST_NO_ADMISSION"
    NOT_STARTED = "FORECAST_NOT_STARTED"
    ENDED = "FORECAST_ENDED"
    KIND = "FORECAST_KIND"
    VALUES = "FORECAST_VALUES"
    SCHEME = "FORECAST_SCHEME"
    OTHER_SCHEME = "FORECAST_OTHER_SCHEME"
    HISTORY = "FORECAST_HISTORY"
    REVERSED = "FORECAST_REVERSED"
    TOO_LONG = "FORECAST_TOO_LONG"
    NO_LINES = "FORECAST_NO_LINES"
    UNDATED = "FORECAST_UNDATED"
    NOT_STATED = "FORECAST_NOT_STATED"
    NEW_DEPARTMENT = "FORECAST_NEW_DEPARTMENT"
    NEW_CODE = "FORECAST_NEW_CODE"
    RARE_GROUP = "FORECAST_RARE_GROUP"
    UNPRICED = "FORECAST_UNPRICED"
    NEW_SCHEME = "FORECAST_NEW_SCHEME"
    DRIFT = "FORECAST_DRIFT"


def _bounds(name: str, kind: pa.DataType) -> list[pa.Field]:
    return [pa.field(f"{name}_{end}", kind) for end in ("low", "middle", "high", "mean")]


FORECAST_SCHEMA = pa.schema(
    [
        pa.field("case_id", _WORD),
        pa.field("as_of", pa.timestamp("s", tz="Asia/Shanghai")),
        pa.field("day", pa.int32()),
        pa.field("model", _WORD),
        pa.field("scheme", _WORD),
        pa.field("status", _WORD),
        pa.field("reason", _WORD),
        pa.field("warnings", _WORD),
        pa.field("department", _WORD),
        pa.field("bare_status", _WORD),
        pa.field("bare_group", _WORD),
        pa.field("groups", _LIKELY),
        pa.field("adrg", _WORD),
        pa.field("adrg_probability", pa.float64()),
        pa.field("mdc", _WORD),
        pa.field("mdc_probability", pa.float64()),
        pa.field("other_probability", pa.float64()),
        pa.field("basis", _WORD),
        pa.field("basis_cases", pa.int32()),
        pa.field("level", pa.float64()),
        pa.field("cost_to_date", YUAN),
        *_bounds("cost", YUAN),
        *_bounds("los", pa.float64()),
        pa.field("insurance", _WORD),
        pa.field("method", _WORD),
        pa.field("point_value", POINT_VALUE),
        pa.field("pay_reason", _WORD),
        *_bounds("amount", YUAN),
        *_bounds("fund", YUAN),
        *_bounds("surplus", YUAN),
        pa.field("drivers", _DRIVERS),
    ]
)
"""One row a case that was asked about.

``as_of``: the moment that was asked about; ``day``: of the stay, the whole days before it: charges
count to the midnight before, diagnoses and procedures to the moment. ``status`` as
:class:`ForecastStatus`; ``reason`` why it is refused, ``warnings`` codes joined by ``;``.
``bare_…``: the grouper's own answer on what is known. ``groups``: the likely ones, the likeliest
first; ``other_probability`` is that of all the rest. ``adrg``, ``mdc``: the likeliest at their
level, not those of the likeliest group. ``basis``: the level of history behind the costs
(``group``, ``adrg``, ``mdc``, ``all``) and its finished stays. ``level``: the share of cases that
the intervals are to hold. ``…_low``, ``…_high``: its bounds; ``…_middle``: the median; ``…_mean``:
the expectation; in yuan, of ``los`` in days of the whole stay. ``insurance``: ``employee`` or
``resident`` as the policy reads the record's word; ``method`` and ``point_value``: of the likeliest
group that has a payment; ``amount``, ``fund`` and ``surplus`` as in ``PAYMENT_SCHEMA``; ``pay_reason``
why there are none. ``drivers``: what moves the cost away from the typical
case, the strongest first: the feature, its value, its effect in yuan.
"""

AMOUNTS = ("amount", "fund", "surplus")
"""What the payment foretells."""
MEASURES = ("cost", "los", *AMOUNTS)
"""What has an interval."""
