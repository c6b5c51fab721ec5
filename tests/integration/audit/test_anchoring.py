"""Anchors beside a real sealer: a failing one is told once, stops nothing, and catches up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from audit.anchors.kinds import FileAnchor
from audit.anchors.specification import AnchorSpecification
from audit.models import Anchoring, Checkpoint, Event, Pending
from audit.sealing import anchoring
from audit.sealing.anchoring import AnchorThread
from audit.sealing.database import connect_sealer
from audit.sealing.keys import SealingKey
from audit.sealing.memory import HeadMemory
from audit.sealing.sealer import Sealer
from audit.sealing.trust import trusted_keys
from audit.verify import verify

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.03)


@contextmanager
def sealing(tmp_path: Path, *anchors: AnchorSpecification) -> Iterator[None]:
    ending = threading.Event()
    anchored = AnchorThread(specifications=anchors, connect=connect_sealer, ending=ending)
    sealer = Sealer(
        connect=connect_sealer,
        key_file=settings.AUDIT_KEY_FILE,
        memory=HeadMemory(tmp_path / "last-signed"),
        on_sealed=anchored.offer,
        every_s=0.05,
        look_every_s=0.05,
    )
    threads = [anchored, threading.Thread(target=sealer.run, args=(ending,))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_an_anchor_that_fails_is_told_once_and_given_the_newest_when_it_is_back(
    sealing_key: SealingKey, tmp_path: Path, say: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(anchoring, "LONGEST_RETRY_S", 0.2)
    good, bad = tmp_path / "good", tmp_path / "bad"
    bad.mkdir()
    anchors = [AnchorSpecification("file", str(path), 1, path.name) for path in (good, bad)]

    def told() -> list[str]:
        return list(Event.objects.filter(object_type="anchor").order_by("id").values_list("action", flat=True))

    with sealing(tmp_path, *anchors):
        with transaction.atomic():
            say()
        wait_until(lambda: Anchoring.objects.filter(anchor="bad", attempts__gte=3).exists())
        failing = Anchoring.objects.get(anchor="bad")
        assert failing.failing_since is not None
        assert "cannot be written" in failing.error
        assert told() == ["audit.anchor_failed"]
        wait_until(lambda: not Pending.objects.exists())
        bad.rmdir()
        wait_until(lambda: Anchoring.objects.filter(anchor="bad", attempts=0, tree_size__gte=2).exists())
        wait_until(lambda: told() == ["audit.anchor_failed", "audit.anchor_recovered"])
        wait_until(lambda: Anchoring.objects.get(anchor="good").tree_size == Checkpoint.objects.count() == 3)
    witnesses = {path.name: FileAnchor(path) for path in (good, bad)}
    report = verify(keys=trusted_keys(), witnesses=witnesses)
    assert report.finding is None
    assert report.anchored["good"] >= 2
    assert report.anchored["bad"] >= 1


def test_what_was_signed_before_is_anchored_by_the_next_sealer(
    sealing_key: SealingKey, tmp_path: Path, say: Callable[..., int]
) -> None:
    with transaction.atomic():
        say()
    with sealing(tmp_path):
        wait_until(lambda: not Pending.objects.exists())
    with sealing(tmp_path, AnchorSpecification("file", str(tmp_path / "late"), 60, "late")):
        wait_until(lambda: Anchoring.objects.filter(anchor="late", tree_size=1).exists())
    assert list(FileAnchor(tmp_path / "late").checkpoints()) == [Checkpoint.objects.get().note]
