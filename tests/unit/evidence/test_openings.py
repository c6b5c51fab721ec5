"""Texts of people in a pack: shown when they are those that were sealed, missing without harm, never another."""

import gc
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from changes.evidence.verify import main
from tests.unit.evidence.packs import ANA, OLIVIA, Case, Log, PackMaker, Signer

SALT = bytes(range(32))
SIGNER = Signer()
CREATED = 1
TITLE, REASON = "Move ACME's line", "Password of the router is hunter2"


def sealed(text: str, salt: bytes = SALT) -> dict[str, str]:
    return {"redactable": "hmac-sha256:" + hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()}


def opening(event: int, path: str, value: str, salt: bytes = SALT) -> bytes:
    return json.dumps({"event": event, "path": path, "salt": salt.hex(), "value": value}).encode() + b"\n"


def typed(body: dict[str, Any]) -> None:
    body["reason"], body["object"]["label"] = sealed(REASON), sealed(TITLE)


def made(then: Callable[[Log], object] = lambda _log: None) -> PackMaker:
    return PackMaker(Case(twists={"change.created": typed}, then=then), SIGNER)


@pytest.fixture
def maker() -> PackMaker:
    return made()


def checked(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    pack = maker.write(tmp_path / "pack.zip")
    code = main([str(pack), "--key", maker.signer.verifier])
    return code, capsys.readouterr().out


def test_the_texts_that_were_sealed_are_told(
    maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker.late["openings.jsonl"] = opening(CREATED, "/reason", REASON) + opening(CREATED, "/object/label", TITLE)
    code, said = checked(maker, tmp_path, capsys)
    assert (code, "2 texts of people are those that were sealed." in said) == (0, True), said


@pytest.mark.parametrize("lines", [b"", None])
def test_without_them_the_events_are_proved_all_the_same(
    maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: bytes | None
) -> None:
    if lines is not None:
        maker.late["openings.jsonl"] = lines
    code, said = checked(maker, tmp_path, capsys)
    assert (code, "2 texts are not shown: redacted, or left out of this pack." in said) == (0, True), said


WRONG: dict[str, tuple[Callable[[int], bytes], str]] = {
    "guessed": (lambda event: opening(event, "/reason", "A guess"), "is not the one that was sealed: it was exchanged"),
    "guessed with a salt": (lambda event: opening(event, "/reason", REASON, bytes(32)), "or guessed"),
    "salt that is filled up": (lambda event: opening(event, "/reason", REASON, SALT + b"\0"), "or guessed"),
    "text of another place": (lambda event: opening(event, "/object/label", REASON), "or guessed"),
    "no such place": (lambda event: opening(event, "/code", "X"), "which has no such text"),
    "twice": (lambda event: opening(event, "/reason", REASON) * 2, "or has it twice"),
    "no such event": (lambda _event: opening(999, "/reason", REASON), "there is no such event here"),
    "event without texts": (lambda event: opening(event + 1, "/reason", REASON), "which has no such text"),
    "out of order": (
        lambda event: opening(event + 1, "/reason", REASON) + opening(event, "/reason", REASON),
        "has no such text",
    ),
    "no opening": (lambda event: json.dumps({"event": event, "path": "/reason"}).encode() + b"\n", "opens nothing"),
    "half a character": (lambda event: opening(event, "/reason", "\ud800"), "opens nothing"),
    "a salt that is none": (
        lambda event: opening(event, "/reason", REASON).replace(SALT.hex().encode(), b"xyz"),
        "opens nothing",
    ),
    "no JSON": (lambda _event: b"{\n", "A line of openings.jsonl is not JSON"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_text_is_named(maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    make, words = WRONG[name]
    maker.late["openings.jsonl"] = make(CREATED)
    code, said = checked(maker, tmp_path, capsys)
    assert (code, words in said) == (1, True), said


def test_the_pack_is_closed_while_its_texts_are_still_being_read(
    maker: PackMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker.late["openings.jsonl"] = WRONG[min(WRONG)][0](CREATED)
    collecting = gc.isenabled()
    gc.disable()
    try:
        code, _said = checked(maker, tmp_path, capsys)
        files = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    finally:
        if collecting:
            gc.enable()
    assert code == 1
    assert tmp_path / "pack.zip" not in files


AUDREY = (88, "audrey")
Twist = dict[str, Any]


def redacted(by: tuple[int, str], proposed_by: int, proposal: Twist | None = None) -> PackMaker:
    """``proposal``: what its event says otherwise; without it, there is no such event in the pack."""
    details = {"event": CREATED, "paths": ["/reason"], "proposed_by_id": proposed_by}

    def told(log: Log) -> None:
        if proposal is not None:
            steps = {"state_from": "", "state_to": "proposed", "details": details | proposal}
            log.say((proposal.get("by", proposed_by), "morgan"), "redaction.proposed", "redaction", 1, **steps)
        steps = {"state_from": "proposed", "state_to": "carried_out", "details": details}
        log.say(by, "redaction.carried_out", "redaction", 1, **steps)

    return made(told)


@pytest.mark.parametrize("proposal", [None, {}])
def test_a_redaction_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], proposal: Twist | None) -> None:
    maker = redacted(AUDREY, 77, proposal)
    maker.late["openings.jsonl"] = opening(CREATED, "/object/label", TITLE)
    code, said = checked(maker, tmp_path, capsys)
    assert code == 0, said
    assert "1 text was redacted; an event here says who took each out." in said
    assert "not shown" not in said


@pytest.mark.parametrize("proposal", [{"by": 78}, {"event": 2}, {"paths": ["/object/label"]}])
def test_a_redaction_of_something_else_than_was_proposed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], proposal: Twist
) -> None:
    code, said = checked(redacted(AUDREY, 77, proposal), tmp_path, capsys)
    assert (code, "is not what was proposed: another text, event or person" in said) == (1, True), said


@pytest.mark.parametrize(
    ("by", "proposed_by", "words"),
    [
        (ANA, ANA[0], "was proposed by the same person"),
        (OLIVIA, 77, "was carried out by who caused the event"),
    ],
)
def test_a_redaction_by_one_person_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], by: tuple[int, str], proposed_by: int, words: str
) -> None:
    code, said = checked(redacted(by, proposed_by), tmp_path, capsys)
    assert (code, words in said) == (1, True), said
