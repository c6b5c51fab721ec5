"""One sealer leads, by its clock and the database's; nobody but another sealer can keep it from leading."""

import logging
from time import time as wall_clock
from typing import Any

import psycopg

from audit.errors import ClockError

logger = logging.getLogger(__name__)

LEADER_LOCK = 7_211_504_903_772
"""The session advisory lock of the sealer that leads."""

CLOCKS_APART_S = 60.0
"""By how much this host's clock and the database's may differ; well within what a verification tolerates."""

# Advisory locks are open to every login. What holds this one without being a sealer's is not waited for: that two lead
# costs nothing, since each step takes a lock that only sealers can take.
_HELD_BY_STRANGERS = """
SELECT string_agg(DISTINCT session.usename, ', ')
FROM pg_locks held JOIN pg_stat_activity session ON session.pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (held.classid::bigint << 32 | held.objid::bigint) = %s
HAVING NOT bool_or(session.usename = session_user)
"""


def take_lead(connection: psycopg.Connection[Any]) -> bool:
    """Whether this session leads now; another sealer that does is not disturbed."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
    if row and row[0]:
        return True
    strangers = connection.execute(_HELD_BY_STRANGERS, (LEADER_LOCK,)).fetchone()
    if not strangers:
        return False
    logger.error(
        "A session of %s holds the lock of the sealer that leads, which no part of the product but the sealer does:"
        " sealing goes on without it. Find out who signed in so",
        strangers[0],
    )
    return True


def clocks_agree(connection: psycopg.Connection[Any]) -> None:
    """Compare this host's clock with the database's: what is signed with a wrong time stays wrong for ever.

    Raises:
        ClockError: they are more than a minute apart. Nothing was signed.
    """
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    apart = wall_clock() - (row[0] if row else 0.0)
    if abs(apart) > CLOCKS_APART_S:
        raise ClockError(
            f"This host's clock is {abs(apart):,.0f} s {'ahead of' if apart > 0 else 'behind'} the database's. Set the"
            " one that is wrong, best by NTP on both; sealing goes on by itself then."
        )
