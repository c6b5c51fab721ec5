"""Rights do not come back with a restored backup and the number of an old transaction."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.models import Event
from tests.factories import PersonFactory, joins, switched
from tests.integration.audit.test_guard_attacks import as_if_restored, in_a_transaction, own_txid, refused
from tests.integration.audit.test_require_change import run

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_right_of_long_ago_does_not_come_back_with_the_number_of_its_transaction() -> None:
    person = PersonFactory.create(username="olivia")
    joins(person, "cab")
    given = Event.objects.filter(object_type="user", object_id=str(person.pk)).latest("id")
    switched(person, active=False)
    switched(person, active=True)
    before = Event.objects.filter(object_type="user", object_id=str(person.pk)).latest("id")
    assert before.pk != given.pk
    switched(person, active=False)

    def move() -> None:
        as_if_restored(before.pk, own_txid())
        run("UPDATE auth_user SET is_active = true WHERE id = %s", person.pk)

    with refused():
        in_a_transaction(move)


def test_no_guard_knows_an_event_of_its_transaction_by_the_number_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"
            " AND strpos(prosrc, 'txid = pg_current_xact_id()::text::bigint') > 0"
            " AND strpos(prosrc, 'audit_written_here') = 0"
        )
        assert cursor.fetchall() == [], "compare xmin too, as migration 0009 does"
        cursor.execute(
            "SELECT proname FROM pg_proc, unnest(proconfig) AS setting WHERE proname LIKE 'portal\\_%%'"
            " AND setting LIKE 'search\\_path%%' AND setting NOT LIKE '%%' || current_schema() || '%%'"
            " AND proname NOT IN ('portal_is_access_event', 'portal_identity_changed')"
        )
        assert cursor.fetchall() == []
