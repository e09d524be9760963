"""Amounts in the tables."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Numeric, TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class Money(TypeDecorator[Any]):
    """Yuan with two decimals; a whole number of cents on SQLite, which has no decimals."""

    impl = Numeric(16, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401 -- as SQLAlchemy says
        """Numeric where it exists."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(16, 2))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 -- as above
        """Decimal to cents on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value
        return int((value * 100).to_integral_exact())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 -- as above
        """Cents to Decimal on SQLite."""
        if value is None or dialect.name != "sqlite":
            return value
        return Decimal(value).scaleb(-2)
