from collections.abc import Callable

import pytest

from audit.errors import ImmutableEventError
from audit.models import Event


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: Event(action="change.approved").save(),
        lambda: Event(pk=1, action="change.approved").save(update_fields=["action"]),
        lambda: Event(pk=1).save_base(raw=True),
        lambda: Event(pk=1).delete(),
        lambda: Event.objects.create(action="change.approved"),
        lambda: Event.objects.get_queryset().bulk_create([Event()]),
        lambda: Event.objects.all().update(reason="nicer"),
        lambda: Event.objects.filter(pk=1).delete(),
        lambda: Event._base_manager.filter(pk=1).update(reason="nicer"),
    ],
)
def test_python_refuses_to_write_before_the_database_has_to(attempt: Callable[[], object]) -> None:
    # No database is there in this test: an attempt that got so far would fail with another error.
    with pytest.raises(ImmutableEventError, match=r"only through audit\.recorder\.record"):
        attempt()
