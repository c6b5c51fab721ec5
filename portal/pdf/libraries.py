"""Whether this machine has what PDFs need, and what to install where it has not."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.core import checks

WANTED: Final = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
)
"""The shared libraries that WeasyPrint loads, by the names under which Linux finds them."""
PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
W_PDF: Final = "portal.W001"


@cache
def missing_libraries() -> tuple[str, ...]:
    """Those that cannot be loaded here; empty: PDFs can be made."""
    return tuple(name for name in WANTED if not _loads(name))


def why_no_pdf() -> str:
    """A sentence that says what is missing and how to get it; empty where nothing is missing."""
    missing = missing_libraries()
    if not missing:
        return ""
    return (
        f"This machine lacks {', '.join(missing)}, so no PDF can be made; everything else works."
        f" On Debian and Ubuntu an administrator installs: {PACKAGES}."
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


@checks.register("countersign")
def check_pdf(app_configs: Sequence[Any] | None, **_named: object) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's signature
    """Say at every start what PDFs lack."""
    sentence = why_no_pdf()
    return [checks.Warning(sentence, hint=f"apt-get install {PACKAGES}", id=W_PDF)] if sentence else []
