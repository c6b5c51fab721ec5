"""The policies that ship with the product, read from their files once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.reading import read_policy

SHIPPED: Final = ("builtin", "recommended")
BUILTIN: Final = "builtin"

_FOLDER: Final = Path(__file__).parent / "shipped"


@cache
def shipped_policy(name: str) -> ApprovalPolicy:
    """The shipped policy of this name, one of :data:`SHIPPED`."""
    return read_policy((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


BUILTIN_POLICY: Final = shipped_policy(BUILTIN)
BUILTIN_DEMAND: Final = evaluate(BUILTIN_POLICY, PlanFacts())
"""What holds where no other policy is chosen: the same of every normal change."""
