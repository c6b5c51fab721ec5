import dataclasses

import pytest

from audit.actor import Actor, Origin


def test_the_system_acts_under_the_name_of_its_part() -> None:
    actor = Actor.system("worker")
    assert (actor.user_id, actor.username, actor.origin) == (None, "worker", Origin.SYSTEM)


def test_an_actor_has_a_name() -> None:
    with pytest.raises(ValueError, match="username"):
        Actor(user_id=1, username="", origin=Origin.WEB)


def test_an_actor_cannot_become_another() -> None:
    actor = Actor(user_id=1, username="olivia", origin=Origin.WEB)
    with pytest.raises(dataclasses.FrozenInstanceError):
        actor.username = "pete"  # type: ignore[misc]  # the refusal is what is tested
