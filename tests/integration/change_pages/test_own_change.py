from devices.models import Device
from tests.factories import Cast, submitted
from tests.integration.change_pages.conftest import As


def test_author_without_the_role_hears_that_no_role_would_help(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    page = as_(cast.author).get(f"/changes/{change.pk}/plan/").content.decode()
    assert "You wrote this change, so you cannot approve it." in page
    assert "GATE_SELF_APPROVAL" in page
    assert "you need the role Peer" not in page.partition("Approve as peer")[2].partition("</li>")[0]
