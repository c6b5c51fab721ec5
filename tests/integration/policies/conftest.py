"""The cast, people of the further groups, two devices, and policies that ask more than the builtin one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.test import Client

from changes.domain.approval_policy.shipped_policies import shipped_policy
from changes.domain.policy import Role
from changes.models import ApprovalPolicyVersion
from changes.services.approval_policies import policy_propose, policy_save_draft
from changes.services.policy_activation import policy_activate
from devices.models import Device
from tests.factories import Cast, DeviceFactory, PersonFactory, actor

STRICT = """
schema: countersign.approval-policy/1
name: strict
version: {version}
title: Two of the CAB
pre_approval: {{allowed: true}}
stages:
  - {{name: peer, title: Technical peer, step: assessment, groups: [peer], delegates: [peer]}}
  - {{name: security, title: Security, step: assessment, groups: [security]}}
  - {{name: cab, title: CAB, step: authorization, groups: [cab], delegates: [cab]}}
  - {{name: ecab, title: ECAB, step: authorization, groups: [ecab], delegates: [ecab], quorum: 2}}
rules:
  - {{name: normal, when: {{change_type: [normal]}}, ask: [{{stage: peer}}, {{stage: cab, quorum: {quorum}}}]}}
  - {{name: emergency, when: {{change_type: [emergency]}}, ask: [{{stage: ecab}}]}}
{rules}
"""
SECURITY_TOO = "  - {name: acl, when: {content: [acl]}, ask: [{stage: security}]}"


def strict(*, version: int = 1, quorum: int = 2, rules: str = "") -> str:
    """A policy that asks two members of the CAB of each normal change; ``rules`` are lines of YAML."""
    return STRICT.format(version=version, quorum=quorum, rules=rules)


@dataclass(frozen=True, slots=True)
class Board:
    """Who decides about policies, and the further groups."""

    writer: User
    manager: User
    second_manager: User
    administrator: User
    security: User


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2)]


@pytest.fixture
def board(cast: Cast) -> Board:
    def person(name: str, role: Role) -> User:
        return PersonFactory.create(username=name, roles=[role])

    return Board(
        person("writer", Role.CHANGE_MANAGER),
        cast.manager,
        person("manager2", Role.CHANGE_MANAGER),
        person("admin1", Role.ADMINISTRATOR),
        person("sec", Role.SECURITY),
    )


@pytest.fixture
def proposed(board: Board) -> Callable[[str], ApprovalPolicyVersion]:
    """``proposed(text)``: a version that its writer has proposed."""

    def propose(text: str) -> ApprovalPolicyVersion:
        found = policy_save_draft(actor=actor(board.writer), text=text)
        return policy_propose(version_id=found.pk, actor=actor(board.writer))

    return propose


@pytest.fixture
def activated(board: Board, proposed: Callable[[str], ApprovalPolicyVersion]) -> Callable[[str], ApprovalPolicyVersion]:
    """``activated(text)``: a version that judges from now on; waiting changes are not judged again yet."""

    def activate(text: str) -> ApprovalPolicyVersion:
        found = proposed(text)
        return policy_activate(version_id=found.pk, actor=actor(board.manager), comment="Agreed in the CAB.")

    return activate


@pytest.fixture
def recommended(board: Board) -> ApprovalPolicyVersion:
    """The shipped policy *recommended*, active."""
    found = ApprovalPolicyVersion.objects.get(name="recommended", digest=shipped_policy("recommended").digest)
    policy_propose(version_id=found.pk, actor=actor(board.writer))
    return policy_activate(version_id=found.pk, actor=actor(board.manager), comment="Agreed in the CAB.")


@pytest.fixture
def as_() -> Callable[[User], Client]:
    """``as_(person)``: a browser that is signed in."""

    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client
