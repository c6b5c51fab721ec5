"""One PostgreSQL per installation, started by whoever needs it first and gone when the last one ends.

``attach()`` is called by an entry point (``manage.py``, the WSGI module, the test session), never by
importing the settings. Each attached process holds a shared ``flock`` that the kernel releases
even after ``kill -9``; the rest of the design is in ``docs/operations.md`` and ADR 0002.
"""

from portal.embedded_postgres.attachment import Attachment, attach
from portal.embedded_postgres.layout import DATABASE, ROLE, EmbeddedPostgresError, Layout
from portal.embedded_postgres.roles import roles_prepare

__all__ = ["DATABASE", "ROLE", "Attachment", "EmbeddedPostgresError", "Layout", "attach", "roles_prepare"]
