"""What axe finds wrong with a page. Contrast takes most of its time, so texts of one kind are judged once a session."""

from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# axe's preload reads style sheets again and resolves their @import against the page's address.
OPTIONS: Final[dict[str, Any]] = {"preload": False, "resultTypes": ["violations"]}
ALL_BUT_CONTRAST: Final = {**OPTIONS, "rules": {"color-contrast": {"enabled": False}}}
CONTRAST: Final = Path(__file__).with_name("contrast.js").read_text()
_PASSED: Final[set[str]] = set()


def violations(page: Page) -> list[dict[str, Any]]:
    """The rules that the page in view breaks, as axe reports them: ``id``, ``impact`` and ``nodes``."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        "async (options) => (await axe.run(options)).violations", ALL_BUT_CONTRAST
    )
    contrast: dict[str, list[Any]] = page.evaluate(CONTRAST, {"known": list(_PASSED), "options": OPTIONS})
    _PASSED.update(contrast["passed"])
    return found + contrast["violations"]


def faults(page: Page) -> list[str]:
    """The same in short: each rule, and where it is broken first."""
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes'][:3]]}" for rule in violations(page)]
