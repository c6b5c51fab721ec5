"""The database's roles in tests: a test is the application, and can step out of that for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from audit.database_roles import APPLICATION, OWNER, SEALER
from portal.embedded_postgres import ROLE


def sign_in_as_superuser() -> None:
    """Have all connections from now on made by who may make databases; before the first one is."""
    if settings.EMBEDDED_POSTGRES:
        settings.DATABASES["default"]["USER"] = ROLE
    else:
        settings.DATABASE_OWNER = settings.DATABASES["default"]
        settings.DATABASE_ROLES_BY_ITSELF = True


@contextmanager
def as_owner() -> Iterator[CursorWrapper]:
    """Be the owner of the tables, to switch a trigger off or to forge a row; the application could do neither."""
    with _as_role(OWNER) as cursor:
        yield cursor


@contextmanager
def as_superuser() -> Iterator[CursorWrapper]:
    """Be the superuser who signed in, for what the owner may not do either: roles, ``session_replication_role``."""
    with _as_role("NONE") as cursor:
        yield cursor


def analyze(*tables: str) -> None:
    """Let the planner know what these tables hold now; asked by another than their owner, ANALYZE only warns."""
    with as_owner() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")


@contextmanager
def _as_role(role: str) -> Iterator[CursorWrapper]:
    """An error takes the switch back with the savepoint, or by hand where no transaction is open."""
    inside = connection.in_atomic_block
    with transaction.atomic() if inside else nullcontext(), connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        try:
            yield cursor
        except BaseException:
            if not inside:
                cursor.execute(f"SET ROLE {APPLICATION}")
            raise
        cursor.execute(f"SET ROLE {APPLICATION}")


@contextmanager
def as_sealer() -> Iterator[CursorWrapper]:
    """Be the sealer's login, the only one that may take events out of the queue and extend the tree."""
    with _as_role(SEALER) as cursor:
        yield cursor
