"""Sealing in tests. A test that needs sealed events takes one of these; none runs by itself.

`seal` seals what waits at once, in the test's own transaction (or committed, in a transactional test).
`background_sealer` runs the real loop in a thread, on a connection of its own, for tests with worker processes.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.sealer import Sealer
from tests.sealing import installation_key, seal_what_waits

Seal = Callable[[], int]


@pytest.fixture(scope="session")
def sealing_key() -> SealingKey:
    """The installation's key, where its settings expect it; sessions and processes of one home share it."""
    return installation_key()


@pytest.fixture
def seal(db: None, sealing_key: SealingKey) -> Seal:
    """`seal()` seals every event that waits and returns how many there were."""
    return seal_what_waits


@pytest.fixture
def background_sealer(transactional_db: None, sealing_key: SealingKey, tmp_path: Path) -> Iterator[Sealer]:
    """A sealer that runs while the test does, with 20 checkpoints a second at most."""
    ending = threading.Event()
    sealer = Sealer(
        connect=connect_sealer,
        key_file=Path(settings.AUDIT_KEY_FILE),
        memory=HeadMemory(tmp_path / "last-signed"),
        every_s=0.05,
        look_every_s=0.05,
    )
    thread = threading.Thread(target=sealer.run, args=(ending,), name="background-sealer")
    thread.start()
    yield sealer
    ending.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
