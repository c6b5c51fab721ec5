"""A change is submitted while another policy is activated: it is asked by one of the two, and judged by the new one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from changes.models import ApprovalPolicyVersion, PlanRevision
from changes.services.approval_policies import active_policy
from changes.services.demanding import demand_of
from changes.services.policy_activation import policy_activate
from changes.services.requests import change_submit
from tests.factories import Cast, DeviceFactory, actor, draft, ready_plan
from tests.integration.policies.conftest import Board, strict

Make = Callable[[str], ApprovalPolicyVersion]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def test_an_activation_waits_for_a_submit_and_then_judges_what_was_submitted(
    cast: Cast, board: Board, proposed: Make
) -> None:
    change = draft(cast.author)
    ready_plan(change, [DeviceFactory.create()])
    version = proposed(strict())
    activating = Beside(lambda: policy_activate(version_id=version.pk, actor=actor(board.manager), comment="Agreed."))
    with transaction.atomic():
        change_submit(change_id=change.pk, requester=actor(cast.author))
        activating.start()
        assert activating.still_waits(), "the policy that was asked stays active until the submit has ended"
    activating.ends()
    assert active_policy().label == "strict-1"
    assert PlanRevision.objects.get(change=change).judged_by == version.digest, "judged right after it"


def test_a_submit_that_waited_for_an_activation_is_asked_by_the_new_policy(
    cast: Cast, board: Board, proposed: Make
) -> None:
    change = draft(cast.author)
    ready_plan(change, [DeviceFactory.create()])
    version = proposed(strict())
    submitting = Beside(lambda: change_submit(change_id=change.pk, requester=actor(cast.author)))
    with transaction.atomic():
        policy_activate(version_id=version.pk, actor=actor(board.manager), comment="Agreed.")
        submitting.start()
        assert submitting.still_waits()
    submitting.ends()
    assert demand_of(PlanRevision.objects.get(change=change)).policy == "strict-1"


class Beside:
    """Something that is done on a connection of its own."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=[act])

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is raised again by `ends`
            self._failed.append(error)
        finally:
            connections.close_all()

    def start(self) -> None:
        self._thread.start()

    def still_waits(self) -> bool:
        self._thread.join(0.15)
        return self._thread.is_alive()

    def ends(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        if self._failed:
            raise self._failed[0]
