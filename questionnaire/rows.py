"""Rows of several models out of one hand-written statement, where the ORM's time would be felt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


class Columns(Generic[M]):
    """The columns of `model` as a statement selects them, and the instance out of what it gives.

    `sql` names them under the alias; the fields in `without` are left out, and deferred.
    """

    def __init__(self, model: type[M], alias: str, *, without: Collection[str] = ()) -> None:
        fields = [field for field in model._meta.concrete_fields if field.name not in without]
        self.model = model
        self.names = [field.attname for field in fields]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields)
        # What the driver gives as the column has it, and the field as Python has it.
        self.read = [
            (place, field) for place, field in enumerate(fields) if hasattr(field, "from_db_value")
        ]

    def take(self, row: Sequence[Any]) -> tuple[M, Sequence[Any]]:
        """The instance that a row begins with, its columns in the order of `sql`, and the rest."""
        values = list(row[: len(self.names)])
        for place, field in self.read:
            values[place] = field.from_db_value(values[place], None, connection)
        return self.model.from_db(connection.alias, self.names, values), row[len(self.names) :]
