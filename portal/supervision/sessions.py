"""Database sessions of workers and dispatchers: none may hold rows while its process stands still."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

IDLE_IN_TRANSACTION_S = 60
"""Far longer than a transaction of a worker takes between two statements; none waits for a device or a network."""


def bound_idle_transactions() -> None:
    """Have PostgreSQL end a session of this process that stays in a transaction without a statement for a minute.

    A process that is stopped in the middle of one, by a debugger or a frozen host, would keep its rows locked for as
    long, and all other workers of the run would wait. Its transaction is undone; when it wakes, it finds no session.
    """
    connection_created.connect(_bound, dispatch_uid="bound-idle-transactions")


def _bound(connection: BaseDatabaseWrapper, **_: Any) -> None:  # noqa: ANN401 - Django's signal
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [f"{IDLE_IN_TRANSACTION_S}s"]
        )
