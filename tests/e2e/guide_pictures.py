"""Plays every step of docs/auditors-walkthrough.md in a demo, by a browser, and takes its pictures anew.

    COUNTERSIGN_SCREENSHOTS=folder python -m tests.e2e.guide_pictures [--running HOME ADDRESS PASSWORD]

It starts a demo of its own and waits for the change that the demo closes by itself; ``--running`` names one that runs
already. Writes ``docs/images/walkthrough-*.webp``; in the folder are all pictures, at every width and in both schemes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from portal.environment import BASE_DIR
from tests.e2e.browsing import SCREENSHOTS, Person
from tests.e2e.conftest import ARGUMENTS, chromium_path
from tests.e2e.story import verifying
from tests.e2e.story.product import Product, running_product

IMAGES: Final = BASE_DIR / "docs" / "images"
QUALITY: Final = 80
CLOSED_WITHIN_S: Final = 300.0


def main() -> int:
    """Play, then convert; any step that fails ends it with a traceback."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--running", nargs=3, metavar=("HOME", "ADDRESS", "PASSWORD"), help="a demo that runs already")
    given = parser.parse_args()
    if not SCREENSHOTS:
        parser.error("name a folder for the pictures in COUNTERSIGN_SCREENSHOTS")
    os.environ["CI"] = "true"  # without a browser this fails
    with tempfile.TemporaryDirectory(prefix="pictures-") as own, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        with _demo(given.running) as product:
            _play(browser, product, Path(own))
        browser.close()
        _convert(Path(SCREENSHOTS) / "walkthrough")
    return 0


@contextmanager
def _demo(running: list[str] | None) -> Iterator[Product]:
    if running:
        yield Product(Path(running[0]), running[1].rstrip("/"), running[2])
    else:
        with running_product() as product:
            yield product


def _play(browser: Browser, product: Product, folder: Path) -> None:
    with Person(browser, product.address, "audrey") as audrey:
        audrey.signs_in(product.password)
        number = _closed_change(audrey)
        for sentence in verifying.walks_through(audrey, product, number, folder):
            sys.stdout.write(f"{sentence}\n")


def _closed_change(auditor: Person) -> str:
    """The number of the change that the demo carries out by itself."""
    deadline = time.monotonic() + CLOSED_WITHIN_S
    while time.monotonic() < deadline:
        answer = auditor.context.request.get("/api/v1/changes/?state=closed")
        found: list[dict[str, Any]] = answer.json()["results"]
        if found:
            return str(found[-1]["number"])
        time.sleep(1)
    raise SystemExit(f"The demo has closed no change within {CLOSED_WITHIN_S:.0f} s.")


def _convert(folder: Path) -> None:
    """Write each picture as WebP beside those of the other guides."""
    for picture in sorted(folder.glob("*.png")):
        target = IMAGES / f"walkthrough-{picture.stem}.webp"
        with Image.open(picture) as image:
            image.save(target, "WEBP", quality=QUALITY, method=6)
        sys.stdout.write(f"{target.relative_to(BASE_DIR)} {target.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    sys.exit(main())
