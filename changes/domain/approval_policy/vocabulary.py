"""The words of approval policies: kinds of content, severities, days, duties, and their labels."""

from __future__ import annotations

from typing import Final

from changes.domain.labels import Labelled


class WarningSeverity(Labelled):
    """How much a warning of a plan weighs, lowest first; the words are those of findings about devices."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place from below, counted from 0."""
        return tuple(WarningSeverity).index(self)


class ContentKind(Labelled):
    """What a configuration line is about."""

    INTERFACE = "interface"
    VLAN = "vlan"
    SPANNING_TREE = "spanning_tree"
    ACL = "acl"
    ROUTING = "routing"
    ROUTE_POLICY = "route_policy"
    QOS = "qos"
    NAT = "nat"
    VPN = "vpn"
    AAA = "aaa"
    CREDENTIAL = "credential"
    MANAGEMENT = "management"
    NTP = "ntp"
    SNMP = "snmp"
    LOGGING = "logging"
    BANNER = "banner"
    SYSTEM = "system"
    OTHER = "other"
    """Lines that no rule could put into another kind."""

    @property
    def label(self) -> str:
        """The words on a page."""
        return _KIND_LABELS.get(self, super().label)

    @property
    def phrase(self) -> str:
        """The subject of a sentence that ends in "touched": ``an access list is``."""
        return _KIND_PHRASES[self]


class Weekday(Labelled):
    """The days of a week; the order is that of :meth:`datetime.date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class BusinessHours(Labelled):
    """How a maintenance window lies to the business hours of a policy."""

    TOUCHED = "touched"
    """At least a minute of it lies in business hours."""
    OUTSIDE = "outside"
    """All of it lies outside."""


class StageStep(Labelled):
    """Which of the two steps of a review a stage belongs to; all stages of the first stand before the second."""

    ASSESSMENT = "assessment"
    AUTHORIZATION = "authorization"


class Duty(Labelled):
    """What a policy may ask beside approvals. A duty is asked or it is not; no rule can take it back."""

    RESOLVE_THREADS = "resolve_threads"
    """No approval while a discussion thread is unresolved."""
    IMPLEMENTER_APART = "implementer_apart"
    """Who wrote or edited the change may not carry it out."""
    NO_CARRY_OVER = "no_carry_over"
    """No approval of an earlier revision is carried over."""
    REVIEW = "review"
    """A post-implementation review before the change is closed."""

    @property
    def label(self) -> str:
        """The words on a page."""
        return _DUTY_LABELS[self]


_KIND_LABELS: Final = {
    ContentKind.VLAN: "VLAN",
    ContentKind.ACL: "Access list",
    ContentKind.QOS: "QoS",
    ContentKind.NAT: "NAT",
    ContentKind.VPN: "VPN",
    ContentKind.AAA: "AAA",
    ContentKind.NTP: "NTP",
    ContentKind.SNMP: "SNMP",
}
_KIND_PHRASES: Final = {
    ContentKind.INTERFACE: "an interface is",
    ContentKind.VLAN: "a VLAN is",
    ContentKind.SPANNING_TREE: "spanning tree is",
    ContentKind.ACL: "an access list (ACL) is",
    ContentKind.ROUTING: "routing is",
    ContentKind.ROUTE_POLICY: "a route policy is",
    ContentKind.QOS: "quality of service is",
    ContentKind.NAT: "address translation is",
    ContentKind.VPN: "a VPN is",
    ContentKind.AAA: "authentication or authorization (AAA) is",
    ContentKind.CREDENTIAL: "a credential is",
    ContentKind.MANAGEMENT: "management access is",
    ContentKind.NTP: "NTP is",
    ContentKind.SNMP: "SNMP is",
    ContentKind.LOGGING: "logging is",
    ContentKind.BANNER: "a banner is",
    ContentKind.SYSTEM: "a system setting is",
    ContentKind.OTHER: "content of no known kind is",
}
_DUTY_LABELS: Final = {
    Duty.RESOLVE_THREADS: "Resolve every discussion thread before approval",
    Duty.IMPLEMENTER_APART: "Another person than author and editors implements",
    Duty.NO_CARRY_OVER: "Approvals of earlier revisions are not carried over",
    Duty.REVIEW: "Post-implementation review",
}
