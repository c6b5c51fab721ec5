"""The auditor's walk through the log: what docs/auditors-walkthrough.md tells, step by step, from the pages alone."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from playwright.sync_api import ViewportSize, expect

from portal.embedded_postgres.layout import DATABASE, ROLE, Layout
from tests.e2e.browsing import DESKTOP, SCREENSHOTS, Person
from tests.e2e.story.product import Product

PYTHON: Final = "/usr/bin/python3"
"""The machine's own, run without site packages and without this folder: the auditor has installed nothing."""
MADE_MS: Final = 60_000
GUIDE: Final = ViewportSize(width=1200, height=760)
GUARDS: Final = ("audit_event_only_grows", "audit_event_row_stays")


def walks_through(auditor: Person, product: Product, number: str, folder: Path) -> Iterator[str]:
    """All steps of the guide, in its order; says after each what was seen."""
    shown, approval = reads_the_trail(auditor, number)
    yield f"event {approval} approved the plan {shown}"
    checkpoint, key = keeps_a_checkpoint(auditor, folder)
    assert key in product.manage("audit_key", "show").stdout
    yield f"{checkpoint.name} is kept; the operator names the same key as the page"
    yield f"the plan's bytes have the digest {takes_plan_bytes(auditor, number, folder)}"
    pack, program = takes_a_pack(auditor, number, folder)
    compares_the_plan(pack, shown)
    code, said = checks_it(program, pack, key, checkpoint)
    assert (code, said.splitlines()[-1]) == (0, "Nothing wrong was found."), said
    assert f"that you hold in {checkpoint}" in said, said
    yield f"$ python3 -I -S verify.py {pack.name} --key {key} --checkpoint {checkpoint.name}\n{said}"
    compares_later(auditor, checkpoint)
    exports(auditor, number, pack, folder)
    yield "the checkpoint is continued; the export has the lines of the pack"
    code, said = checks_it(program, with_another_name(pack), key)
    assert (code, "WRONG: events.jsonl was altered" in said) == (1, True), said
    yield said
    with edited(product, approval):
        yield sees_the_edit(auditor, product, approval)


def _shows(auditor: Person, name: str, window: ViewportSize = GUIDE) -> None:
    """A picture for the guide, and those of all windows, where pictures are taken."""
    if SCREENSHOTS:
        auditor.page.set_viewport_size(window)
        auditor.pictures(f"walkthrough/{name}")
        auditor.page.set_viewport_size(DESKTOP)
        auditor.poses(f"auditor-{name}")


def reads_the_trail(auditor: Person, number: str) -> tuple[str, int]:
    """Its events, oldest first, and one of them: the plan's digest that an approval names, and that event's id."""
    page = auditor.page
    auditor.goes("/audit/")
    _shows(auditor, "audit-log", DESKTOP)
    page.get_by_role("textbox", name="Change", exact=True).fill(number)
    auditor.clicks("button", "Filter")
    auditor.clicks("link", "This change from its beginning")
    expect(page.get_by_role("heading", name=f"Audit trail of {number}")).to_be_visible()
    actions = page.locator(".event-action").all_inner_texts()
    assert actions[0] == "change.created"
    _shows(auditor, "trail")
    approval = page.get_by_role("row").filter(has_text="approval.approved").first
    expect(approval.get_by_role("link", name="Approval")).to_be_visible()
    shown = approval.locator(".digest code").first.inner_text().strip()
    with page.expect_navigation():
        approval.get_by_role("link").first.click()
    auditor.checks()
    expect(page.get_by_role("complementary")).to_contain_text("Proved as this page was made")
    _shows(auditor, "event")
    return shown, int(page.url.rstrip("/").rsplit("/", 1)[1])


def takes_plan_bytes(auditor: Person, number: str, folder: Path) -> str:
    """The bytes that were signed for one device: their SHA-256 is what stands in the row."""
    page = auditor.page
    auditor.goes(f"/audit/?change_id={number}")
    auditor.clicks("link", "This change from its beginning")
    auditor.clicks("link", "Exact plan bytes")
    _shows(auditor, "plan-bytes")
    said = page.locator("tbody tr .digest code").first.get_attribute("title")
    found = hashlib.sha256(_downloads(auditor, re.compile("^Download the bytes of"), folder).read_bytes()).hexdigest()
    assert found == said
    return found


def keeps_a_checkpoint(auditor: Person, folder: Path) -> tuple[Path, str]:
    """The signed head of the log as a file, and the public key that it is checked with."""
    page = auditor.page
    auditor.goes("/audit/")
    auditor.clicks("link", "Checkpoints and keys")
    _shows(auditor, "checkpoints")
    return _downloads(auditor, "Download this checkpoint", folder), page.locator("#key-1").inner_text().strip()


def takes_a_pack(auditor: Person, number: str, folder: Path) -> tuple[Path, Path]:
    """The pack of one change, and the program that checks it."""
    page = auditor.page
    auditor.goes(f"/evidence/new/?change_id={number}")
    auditor.poses("auditor-pack-new")
    auditor.clicks("button", "Have the pack made")
    download = page.get_by_role("link", name=re.compile("^Download "))
    expect(download).to_be_visible(timeout=MADE_MS)
    auditor.checks()
    _shows(auditor, "pack-ready")
    pack = _downloads(auditor, re.compile("^Download "), folder)
    return pack, _downloads(auditor, "verify.py", folder)


def _downloads(auditor: Person, label: str | re.Pattern[str], folder: Path) -> Path:
    with auditor.page.expect_download() as download:
        auditor.page.get_by_role("link", name=label).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    auditor.checks()
    return path


def checks_it(program: Path, pack: Path, key: str, checkpoint: Path | None = None) -> tuple[int, str]:
    """What the program says of the pack, on a bare Python."""
    held = ["--checkpoint", str(checkpoint)] if checkpoint else []
    command = [PYTHON, "-I", "-S", str(program), str(pack), "--key", key, *held]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=pack.parent)
    assert done.stderr == ""
    return done.returncode, done.stdout


def compares_later(auditor: Person, checkpoint: Path) -> None:
    """The server's own answer about the checkpoint that was kept."""
    page = auditor.page
    auditor.goes("/audit/checkpoints/")
    page.get_by_label("The file that you kept").set_input_files(checkpoint)
    auditor.clicks("button", "Compare")
    expect(page.locator("#comparison")).to_contain_text("The log continues your checkpoint")
    _shows(auditor, "compared")


def exports(auditor: Person, number: str, pack: Path, folder: Path) -> None:
    """Each exported line that was sealed when the pack was made stands in the pack, byte for byte."""
    auditor.goes(f"/audit/?change_id={number}")
    exported = _downloads(auditor, "Export JSON Lines", folder).read_bytes().splitlines()
    with zipfile.ZipFile(pack) as archive:
        enclosed = archive.read("events.jsonl").splitlines()
    assert set(exported) <= set(enclosed)
    assert len(exported) > 10
    assert _downloads(auditor, "Export CSV", folder).read_text().startswith("id,")


def compares_the_plan(pack: Path, shown: str) -> None:
    """The bytes of each device's plan in the pack make the digests of its file list; the page's digest is enclosed."""
    with zipfile.ZipFile(pack) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        revisions = [each for change in manifest["changes"].values() for each in change["revisions"]]
        for device in (device for each in revisions for device in each["devices"]):
            assert hashlib.sha256(archive.read(device["file"])).hexdigest() == device["digest"]
    assert any(each["digest"].startswith(shown) for each in revisions), (shown, revisions)


def with_another_name(pack: Path) -> Path:
    """The pack as somebody would alter it who wants another name under an approval."""
    altered = pack.with_name(f"altered-{pack.name}")
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(b'"name":"ana"', b'"name":"pet"') if name == "events.jsonl" else data)
    return altered


@contextmanager
def edited(product: Product, event_id: int) -> Iterator[None]:
    """Somebody with the database's superuser alters who did it, in the event itself, and puts it back afterwards."""
    with _superuser(product) as cursor:
        cursor.execute("SELECT body, actor_name FROM audit_event WHERE id = %s", [event_id])
        body, name = cursor.fetchone() or ("", "")
    altered = body.replace(f'"name":"{name}"', '"name":"somebody"')
    assert altered != body
    _write_past_the_guards(product, event_id, altered)
    try:
        yield
    finally:
        _write_past_the_guards(product, event_id, body)


def _write_past_the_guards(product: Product, event_id: int, body: str) -> None:
    with _superuser(product) as cursor:
        for guard in GUARDS:
            cursor.execute(f"ALTER TABLE audit_event DISABLE TRIGGER {guard}".encode())
        cursor.execute("UPDATE audit_event SET body = %s WHERE id = %s", [body, event_id])
        for guard in GUARDS:
            cursor.execute(f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {guard}".encode())


@contextmanager
def _superuser(product: Product) -> Iterator[psycopg.Cursor]:
    host = str(Layout.of(product.home).socket_directory)
    with psycopg.connect(host=host, user=ROLE, dbname=DATABASE) as connection, connection.cursor() as cursor:
        yield cursor


def sees_the_edit(auditor: Person, product: Product, event_id: int) -> str:
    """The event's page and the server's own verification name the event that was altered; what the latter says."""
    page = auditor.page
    auditor.goes(f"/audit/{event_id}/")
    expect(page.get_by_role("alert")).to_contain_text("it was changed afterwards")
    _shows(auditor, "edited")
    done = product.manage("audit_verify")
    assert done.returncode == 1
    said = f"{done.stdout}{done.stderr}"
    assert f"Event {event_id} (entry " in said, said
    return said
