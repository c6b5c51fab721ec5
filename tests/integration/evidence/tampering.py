"""Ways in which somebody may spoil a real pack: each keeps the manifest's digests right, as a careful forger would."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Files = dict[str, bytes]


def read(pack: Path) -> Files:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def put_right(files: Files) -> None:
    """Let the manifest list what is there now."""
    manifest = json.loads(files["manifest.json"])
    apart = {"manifest.json", "openings.jsonl"}
    listed = [name for name in files if name not in apart and not name.startswith("log/")]
    manifest["files"] = [
        {"path": name, "size": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()} for name in listed
    ]
    manifest["events"] = files["events.jsonl"].count(b"\n")
    files["manifest.json"] = canonical(manifest)


def lines(files: Files, name: str) -> list[bytes]:
    return files[name].splitlines(keepends=True)


def edit(files: Files) -> None:
    found = files["events.jsonl"]
    files["events.jsonl"] = found.replace(b'"name":"pete"', b'"name":"ana"', 1)
    assert files["events.jsonl"] != found


def delete(files: Files) -> None:
    """One step of the change goes, with its proof."""
    events = lines(files, "events.jsonl")
    place = next(place for place, line in enumerate(events) if b'"action":"change.submitted"' in line)
    for name in ("events.jsonl", "log/proofs.jsonl"):
        if name in files:
            files[name] = b"".join(lines(files, name)[:place] + lines(files, name)[place + 1 :])


def delete_without_proof(files: Files) -> None:
    files["events.jsonl"] = b"".join(lines(files, "events.jsonl")[:-1])


def insert(files: Files) -> None:
    files["events.jsonl"] += lines(files, "events.jsonl")[-1]


def reorder(files: Files) -> None:
    for name in ("events.jsonl", "log/proofs.jsonl"):
        if name in files:
            rows = lines(files, name)
            files[name] = b"".join([rows[1], rows[0], *rows[2:]])


def _plan(files: Files) -> str:
    return next(name for name in files if "/devices/" in name)


def _manifest(files: Files, act: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(files["manifest.json"])
    act(manifest)
    files["manifest.json"] = canonical(manifest)


def swap_plan(files: Files) -> None:
    """Another line is sent to the first device, with digests that fit."""
    name = _plan(files)
    payload = json.loads(files[name])
    payload["commands"] = ["no ip routing"]
    files[name] = canonical(payload)

    def fit(manifest: dict[str, Any]) -> None:
        for change in manifest["changes"].values():
            for device in change["revisions"][0]["devices"]:
                if device["file"] == name:
                    device["digest"] = hashlib.sha256(files[name]).hexdigest()

    _manifest(files, fit)


def leave_plan_out(files: Files) -> None:
    name = _plan(files)
    del files[name]

    def drop(manifest: dict[str, Any]) -> None:
        for change in manifest["changes"].values():
            revision = change["revisions"][0]
            revision["devices"] = [device for device in revision["devices"] if device["file"] != name]

    _manifest(files, drop)


def soften_demand(files: Files) -> None:
    name = next(name for name in files if name.endswith("demand.json"))
    demand = json.loads(files[name])
    demand["stages"] = demand["stages"][:1]
    files[name] = canonical(demand)


def rewrite_transcript(files: Files) -> None:
    name = next(name for name in files if "transcript" in name)
    files[name] += b"all went well\n"


def add_file(files: Files) -> None:
    files["changes/note.txt"] = b"trust me\n"
