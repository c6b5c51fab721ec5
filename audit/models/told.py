"""Fields of events whose text may stand beside the log."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.expressions import Col

from audit.redaction.commitments import REDACTED


class _ToldColumn(Col):
    """The column, or where it is empty the text beside the log; the marker where that was taken out.

    It is one scalar subquery whose column bears the field's name, so that it can stand wherever a column can.
    """

    target: "ToldField"

    def as_sql(self, compiler: Any, connection: Any) -> Any:  # noqa: ANN401 - Django's own
        column, params = super().as_sql(compiler, connection)
        table = column.rpartition(".")[0]
        event_id = f"{table}.{connection.ops.quote_name('id')}" if table else connection.ops.quote_name("id")
        sql = (
            f"(SELECT coalesce(max(coalesce(opening.value, '{REDACTED}')), {column}) AS {self.target.column}"  # noqa: S608
            f" FROM audit_opening opening WHERE opening.event_id = {event_id}"
            f" AND opening.path = '{self.target.pointer}')"
        )
        return sql, params


if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField


class ToldField(Text):
    """A text of an event as people read it; ``pointer`` says where it stands in the event's body.

    Reading, filtering and searching find the text itself, which a row of ``audit_opening`` holds for events whose body
    has a commitment in its place. It reads ``[redacted]`` once that was taken out.
    """

    def __init__(self, *args: Any, pointer: str = "", **options: Any) -> None:  # noqa: ANN401 - Django's own
        self.pointer = pointer
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:  # noqa: ANN401 - Django's own
        """A migration sees a plain text column, which it is."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def get_col(self, alias: str, output_field: Any = None) -> Col:  # noqa: ANN401 - Django's own
        """How queries name the column."""
        return _ToldColumn(alias, self, output_field)

    @property
    def cached_col(self) -> Col:
        """The same for the model's own table."""
        return _ToldColumn(self.model._meta.db_table, self)
