"""The people of the demo, and the password that they share on this machine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from audit.actor import Actor, Origin
from changes.domain.policy import Role
from portal.access import access_created
from portal.passwords import password_hash_change

SEED = Actor(user_id=None, username="demo", origin=Origin.COMMAND)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One login: what the person does in the story, and the groups that let them."""

    username: str
    first_name: str
    last_name: str
    task: str
    roles: tuple[Role, ...]


CAST = (
    DemoPerson("olivia", "Olivia", "Okafor", "requester and implementer", (Role.REQUESTER, Role.IMPLEMENTER)),
    DemoPerson("pete", "Pete", "Petersen", "peer", (Role.PEER,)),
    DemoPerson("ana", "Ana", "Almeida", "CAB and ECAB approver", (Role.CAB, Role.ECAB)),
    DemoPerson("amir", "Amir", "Aziz", "second CAB and ECAB approver", (Role.CAB, Role.ECAB)),
    DemoPerson("sana", "Sana", "Said", "security approver", (Role.SECURITY,)),
    DemoPerson("walter", "Walter", "Weiss", "service owner", (Role.SERVICE_OWNER,)),
    DemoPerson("maria", "Maria", "Moretti", "change manager", (Role.CHANGE_MANAGER,)),
    DemoPerson("malik", "Malik", "Mensah", "second change manager", (Role.CHANGE_MANAGER,)),
    DemoPerson("audrey", "Audrey", "Adler", "auditor", (Role.AUDITOR,)),
    DemoPerson("admin", "Adam", "Admin", "administrator", (Role.ADMINISTRATOR,)),
)


@dataclass(frozen=True, slots=True)
class DemoLogins:
    """The usernames of the demo and their common password."""

    people: tuple[DemoPerson, ...]
    secret: str

    def password(self, username: str) -> str:
        """The password of one of the demo's people.

        Raises:
            KeyError: nobody of that name is in the demo.
        """
        if username not in {person.username for person in self.people}:
            raise KeyError(username)
        return self.secret


def demo_password(home: Path) -> str:
    """The password that the demo's people share, made at random once per installation and kept readable to us alone."""
    path = home / "demo-password"
    if path.exists():
        return path.read_text().strip()
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    path.touch(mode=0o600)
    path.write_text(password + "\n")
    return password


@transaction.atomic
def seed_people(password: str) -> DemoLogins:
    """Create whoever of the cast is missing, with their groups; nobody who exists is changed but for the password.

    Hashing is slow on purpose, so the common password is hashed once, and checked against one person only.
    """
    hashed = _kept_hash(password) or make_password(password)
    for person in CAST:
        user, created = User.objects.get_or_create(
            username=person.username,
            defaults={
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": f"{person.username}@example.net",
                "is_staff": Role.ADMINISTRATOR in person.roles,
                "is_superuser": Role.ADMINISTRATOR in person.roles,
            },
        )
        if user.password != hashed:
            password_hash_change(user=user, hashed=hashed, actor=SEED, reason="The demo's common password.")
        if created:
            user.groups.set(Group.objects.filter(name__in=person.roles))
            access_created(user, actor=SEED)
    return DemoLogins(people=CAST, secret=password)


def _kept_hash(password: str) -> str:
    """The hash that the first of the cast has, if it is that of the password."""
    first = User.objects.filter(username=CAST[0].username).first()
    return first.password if first and check_password(password, first.password) else ""
