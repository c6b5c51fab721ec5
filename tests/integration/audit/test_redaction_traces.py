"""Where a text could be left after its redaction: the server's log."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from audit.checks import W_LOGGED, check_server_log
from portal.embedded_postgres.layout import Layout
from tests.database import as_superuser

pytestmark = pytest.mark.django_db
embedded = pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="a served database has a log of its own")


@embedded
def test_a_statement_that_fails_leaves_no_text_in_the_servers_log() -> None:
    text = f"hunter2 {uuid.uuid4().hex}"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_saved_search (owner_id, owner_name, name, query) VALUES (1, 'x', %s, NULL)", [text]
        )
    log = Layout.of(settings.COUNTERSIGN_HOME).log.read_text(errors="replace")
    assert 'null value in column "query"' in log
    assert text not in log


@embedded
def test_what_the_server_logs_is_told_where_it_holds_texts() -> None:
    assert check_server_log(None) == []
    with as_superuser() as cursor:
        cursor.execute("SET LOCAL log_min_error_statement = 'error'")
        cursor.execute("SET LOCAL log_statement = 'all'")
        (message,) = check_server_log(None)
    assert message.id == W_LOGGED
    assert "log_min_error_statement is error, log_statement is all" in message.msg
