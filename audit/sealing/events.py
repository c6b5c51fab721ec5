"""Events of the sealer itself: a key that comes or goes, an anchor that fails, a log that was restored."""

from typing import Any

import psycopg

from audit.actor import Actor
from audit.recorder import INSERT_SELECT, event_values


def say(connection: psycopg.Connection[Any], **event: Any) -> None:  # noqa: ANN401 - the parts of record()
    """Record an event of the sealer itself, through its own connection."""
    with connection.transaction():
        connection.execute(INSERT_SELECT, event_values(actor=Actor.system("sealer"), **event))
