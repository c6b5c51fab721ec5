"""An evidence pack asked for on a change's page, made, and taken, in a browser; and how its pages look."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from audit.sealing.sealer import Sealer
from changes.models import EvidencePack
from changes.services.evidence.making import pack_make
from devices.models import Device
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, carried_out, started

pytestmark = pytest.mark.e2e


def test_an_auditor_takes_a_pack_from_the_pages_alone(
    cast: Cast, devices: list[Device], background_sealer: Sealer, comes: Comes
) -> None:
    change = carried_out(started(cast, devices[:2])).change
    auditor = comes(cast.auditor)
    auditor.goes(f"/changes/{change.pk}/")
    auditor.clicks("link", "Evidence pack")
    auditor.poses("evidence-new")
    auditor.clicks("button", "Have the pack made")
    pack = EvidencePack.objects.get()
    auditor.poses("evidence-waiting")
    assert pack_make(pack.pk) == "ready", EvidencePack.objects.get().detail
    auditor.goes(f"/evidence/{pack.pk}/")
    auditor.poses("evidence-ready")
    with auditor.page.expect_download() as download:
        auditor.page.get_by_role("link", name="Download").click()
    pack.refresh_from_db()
    assert hashlib.sha256(Path(download.value.path()).read_bytes()).hexdigest() == pack.sha256
    auditor.goes("/evidence/")
    auditor.poses("evidence-list")
