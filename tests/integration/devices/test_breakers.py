"""Breakers in the database: two workers see one state, successes write nothing, and a person can close one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from audit.actor import Actor, Origin
from audit.models import Event
from devices.domain.breaker import BreakerKind
from devices.errors import (
    AuthenticationFailedError,
    BadFieldsError,
    BreakerOpenError,
    ConnectionLostError,
    DeviceError,
    NotPermittedError,
    OutdatedError,
    UnreachableError,
)
from devices.models import CircuitBreaker, Device
from devices.services.breakers import _began_trial, breaker_reset, guarded, policy_of
from tests.factories import PersonFactory
from tests.integration.changes.test_races import at_once

pytestmark = pytest.mark.django_db

CREDENTIAL, SITE = BreakerKind.CREDENTIAL, BreakerKind.SITE


@contextmanager
def refused(kind: BreakerKind, name: str, device: str, error: type[DeviceError]) -> Iterator[None]:
    with pytest.raises(error), guarded(kind, name, Device(name=device, site="fra")):
        yield


def fail(kind: BreakerKind, *devices: str, error: type[DeviceError] | None = None) -> None:
    error = error or (AuthenticationFailedError if kind is CREDENTIAL else UnreachableError)
    for device in devices:
        with refused(kind, "x", device, error):
            raise error("no")


def work(kind: BreakerKind, device: str = "sw9") -> None:
    with guarded(kind, "x", Device(name=device, site="fra")):
        pass


def actor(*roles: str) -> Actor:
    user = PersonFactory.create(username="-".join(roles) or "nobody", roles=roles)
    return Actor(user_id=user.pk, username=user.username, origin=Origin.WEB)


def cool_down_is_over() -> None:
    CircuitBreaker.objects.update(open_until=timezone.now() - timedelta(seconds=1))


def actions() -> list[str]:
    return list(Event.objects.filter(object_type="breaker").order_by("pk").values_list("action", flat=True))


def test_three_refused_sign_ins_hold_the_credential_back_on_every_device() -> None:
    fail(CREDENTIAL, "sw1", "sw1", "sw2")
    with pytest.raises(BreakerOpenError, match=r"3 sign-ins in a row .* the last one by sw2") as held:
        work(CREDENTIAL, "sw3")
    assert 50 < held.value.wait_s <= 60
    assert "x" not in held.value.detail.split()
    assert actions() == ["breaker.opened"]


def test_five_devices_of_a_site_in_a_row_hold_the_site_back() -> None:
    fail(SITE, "sw1", "sw1", "sw2", "sw3", "sw4")
    work(SITE)
    fail(SITE, "sw1", "sw2", "sw3", "sw4", "sw5")
    with pytest.raises(BreakerOpenError, match="5 devices in a row of the site fra"):
        work(SITE)


def test_a_device_that_refuses_the_sign_in_shows_that_its_site_can_be_reached() -> None:
    fail(SITE, "sw1", "sw2", "sw3", "sw4")
    fail(SITE, "sw5", error=AuthenticationFailedError)
    assert CircuitBreaker.objects.get().failures == 0
    fail(SITE, "sw6", error=ConnectionLostError)
    assert CircuitBreaker.objects.get().failures == 0


def test_the_trial_after_the_cool_down_closes_it_or_opens_it_for_longer() -> None:
    fail(CREDENTIAL, "sw1", "sw2", "sw3")
    cool_down_is_over()
    fail(CREDENTIAL, "sw4")
    assert CircuitBreaker.objects.get().cool_down_s == 120
    cool_down_is_over()
    work(CREDENTIAL)
    work(CREDENTIAL)
    assert actions() == ["breaker.opened", "breaker.opened", "breaker.closed"]


def test_one_device_tries_and_the_others_wait_for_its_outcome(settings: Settings) -> None:
    settings.DEVICE_CONNECT_TIMEOUT_S = 0.1
    fail(CREDENTIAL, "sw1", "sw2", "sw3")
    cool_down_is_over()
    with guarded(CREDENTIAL, "x", Device(name="sw4")):
        assert CircuitBreaker.objects.get().state == "half_open"
        CircuitBreaker.objects.update(trials_until=timezone.now() + timedelta(minutes=1))
        with pytest.raises(BreakerOpenError):
            work(CREDENTIAL)
    work(CREDENTIAL)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_takes_the_trial_and_after_its_loss_one_other(settings: Settings) -> None:
    fail(SITE, "sw1", "sw2", "sw3", "sw4", "sw5")
    cool_down_is_over()
    everybody = [lambda: _began_trial(SITE, "x", policy_of(SITE))] * 6
    assert Counter(at_once(*everybody)) == {False: 5, True: 1}
    # The worker that tries is killed: nobody hears of its outcome.
    assert not any(at_once(*everybody))
    CircuitBreaker.objects.update(trials_until=timezone.now() - timedelta(seconds=1))
    assert Counter(at_once(*everybody)) == {False: 5, True: 1}
    assert CircuitBreaker.objects.get().trials == 1


def test_a_site_is_tried_for_as_long_as_all_attempts_on_one_device_may_last(settings: Settings) -> None:
    settings.DEVICE_CONNECT_TIMEOUT_S, settings.DEVICE_CONNECT_ATTEMPTS = 10, 3
    settings.DEVICE_RETRY_BASE_S, settings.DEVICE_RETRY_FACTOR, settings.DEVICE_RETRY_JITTER = 1, 2, 0.2
    assert policy_of(CREDENTIAL).trial_s == 30
    assert policy_of(SITE).trial_s == pytest.approx(3 * 30 + 1.2 + 2.4)


def test_a_breaker_that_stays_open_is_waited_for_no_longer_than_the_limit() -> None:
    fail(CREDENTIAL, "sw1", "sw2", "sw3")
    CircuitBreaker.objects.update(opened_at=timezone.now() - timedelta(seconds=901))
    with pytest.raises(BreakerOpenError, match="too long") as held:
        work(CREDENTIAL)
    assert held.value.hopeless


def test_while_all_is_well_an_attempt_costs_one_query_and_writes_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    work(CREDENTIAL)
    work(SITE)
    for kind in (CREDENTIAL, SITE):
        with django_assert_num_queries(1) as captured:
            work(kind)
        assert all(query["sql"].startswith("SELECT") for query in captured.captured_queries)


def test_zero_failures_switch_it_off(settings: Settings) -> None:
    settings.COUNTERSIGN_BREAKER_CREDENTIAL_FAILURES = 0
    fail(CREDENTIAL, *["sw1"] * 9)
    assert not CircuitBreaker.objects.exists()


def test_an_administrator_closes_it_and_says_why() -> None:
    fail(CREDENTIAL, "sw1", "sw2", "sw3")
    breaker = CircuitBreaker.objects.get()
    with pytest.raises(NotPermittedError):
        breaker_reset(breaker_id=breaker.pk, reason="fixed", actor=actor("implementer"))
    admin = actor("administrator")
    with pytest.raises(BadFieldsError):
        breaker_reset(breaker_id=breaker.pk, reason=" ", actor=admin)
    breaker_reset(breaker_id=breaker.pk, reason="The password is right again.", actor=admin)
    work(CREDENTIAL)
    with pytest.raises(OutdatedError):
        breaker_reset(breaker_id=breaker.pk, reason="again", actor=admin)
    assert actions() == [
        "breaker.opened", "breaker.reset_refused", "breaker.reset_refused", "breaker.reset", "breaker.reset_refused"
    ]  # fmt: skip
    event = Event.objects.get(action="breaker.reset")
    assert (event.actor_name, event.reason, event.state_from, event.state_to) == (
        "administrator", "The password is right again.", "open", "closed"
    )  # fmt: skip
