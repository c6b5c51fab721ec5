"""VRFs that a change takes away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.warnings.situation import Situation

_HEADER: Final = re.compile(r"(?:vrf definition|ip vrf|vrf instance|vrf context|vrf) \S+$")


def vrfs_removed(situation: Situation) -> Iterator[str]:
    """The headers of the VRFs that are defined now and not after the change; Junos has none of its own."""
    for change in situation.changes:
        if not change.path and change.op == "-" and _HEADER.match(change.text):
            yield change.text
