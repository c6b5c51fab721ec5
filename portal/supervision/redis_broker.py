"""The queue in Redis instead of PostgreSQL. It needs the package ``redis`` (``requirements/redis.lock``).

Redis forgets a task when the worker that took it dies, and everything when it is emptied. That is safe here for one
reason only: tasks ring a bell, and what is to be done stands in our tables (ADR 6).
"""

import logging
import time
import uuid
from functools import cache

from django.conf import settings
from django_q.brokers import Broker
from redis import Redis, RedisError

from portal.supervision.beats import beat_acknowledged
from portal.supervision.doorbell import beat_polled, beat_taken, has_room, is_accepted

logger = logging.getLogger(__name__)

RECONNECT_S = 1.0
WAIT_S = 1
"""How long one look waits for a task; the watchdog expects a sign of life every few seconds."""


@cache
def client_of(url: str) -> Redis:
    """A client that all threads share; it connects when it is first used, and anew in each forked process."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=WAIT_S + 4, health_check_interval=30)


class RedisDoorbellBroker(Broker):  # type: ignore[misc]  # django-q2 has no types
    """A list in Redis. Without Redis nothing raises: workers wait, and the dispatcher rings again when it is back.

    django-q2's own Redis broker ends the cluster where Redis is away, and hands out any function.
    """

    @staticmethod
    def get_connection(list_key: str | None = None) -> Redis:  # noqa: ARG004 - django-q2's signature
        """The process's client: django-q2 asks for a broker with each task that it enqueues."""
        return client_of(settings.COUNTERSIGN_BROKER_SECRET_URL)

    @property
    def _list(self) -> str:
        return f"countersign:{self.list_key}:tasks"

    def enqueue(self, task: str) -> int | None:
        """Put a task into the queue. None: Redis is away, and what waits is rung for later."""
        try:
            return int(self.connection.rpush(self._list, task))
        except RedisError as error:
            logger.warning("The queue cannot be reached; the dispatcher rings again: %s", error)
            return None

    def dequeue(self) -> list[tuple[str, str]]:
        """Take the next task if a worker is free for it, waiting a second; without Redis too, and take nothing."""
        beat_polled()
        if not has_room():
            return []
        try:
            found = self.connection.blpop([self._list], timeout=WAIT_S)
        except RedisError as error:
            logger.warning("The queue cannot be read, trying again: %s", error)
            time.sleep(RECONNECT_S)
            return []
        if found is None or not is_accepted("A task in Redis", found[1]):
            return []
        task_id = uuid.uuid4().hex
        beat_taken([task_id])
        return [(task_id, found[1].decode("ascii"))]

    def acknowledge(self, task_id: str) -> None:
        """Nothing is left to delete."""
        beat_acknowledged(task_id)

    def queue_size(self) -> int:
        """How many tasks nobody has taken; without Redis none can be known of."""
        try:
            return int(self.connection.llen(self._list))
        except RedisError:
            return 0

    def lock_size(self) -> int:
        """Redis does not know who works on what."""
        return 0

    def purge_queue(self) -> int:
        """Forget every task that nobody has taken."""
        return int(self.connection.delete(self._list))

    delete_queue = purge_queue

    def ping(self) -> bool:
        """Whether Redis answers. The cluster starts without it, too."""
        try:
            return bool(self.connection.ping())
        except RedisError as error:
            logger.warning("Redis does not answer; the workers wait for it: %s", error)
            return False

    def info(self) -> str:
        """Its name, for django-q2's own monitor."""
        return "Redis"
