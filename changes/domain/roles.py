"""The groups that carry a right."""

from changes.domain.labels import Labelled


class Role(Labelled):
    """The groups that carry a right; the value is the group's name."""

    REQUESTER = "requester"
    PEER = "peer"
    CAB = "cab"
    SECURITY = "security"
    SERVICE_OWNER = "service-owner"
    ECAB = "ecab"
    CHANGE_MANAGER = "change-manager"
    IMPLEMENTER = "implementer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        """The role as shown on a page."""
        return self.value.upper() if self in {Role.CAB, Role.ECAB} else super().label


def group_label(name: str) -> str:
    """A group's name as people read it: a role's label, or the name as it is."""
    return Role(name).label if name in set(Role) else name
