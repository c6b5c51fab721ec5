"""The inputs of a plan that was made from a template, signed with it: each device's payload carries their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from changes.domain.canonical import canonical_json

TEMPLATE: Final = "template"
"""The name under which a revision's inputs hold which template version it was planned from."""
SEAL: Final = "inputs_sha256"
"""The name under which the strategy of a device payload holds the digest of the inputs; absent without a template."""
_SEALED: Final = ("content", "variables", "checks", "strategy", "steps", TEMPLATE)


def inputs_seal(inputs: Mapping[str, Any]) -> dict[str, str]:
    """What a device payload's strategy carries for these inputs: their SHA-256, or nothing without a template.

    So the plan digest covers which version of which template the plan was made from, and with what variables.
    """
    if not inputs.get(TEMPLATE):
        return {}
    sealed = {name: inputs[name] for name in _SEALED if name in inputs}
    return {SEAL: hashlib.sha256(canonical_json(sealed)).hexdigest()}
