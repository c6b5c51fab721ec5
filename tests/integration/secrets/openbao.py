"""A real OpenBao server for tests: unsealed, in memory, with a KV version 2 mount, an AppRole and policies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import hvac
import pytest
import requests

ROOT = "root-token-of-this-test"
POLICY = 'path "secret/data/countersign/*" { capabilities = ["read"] }'


def program() -> str:
    """The server's program; a machine without one skips, and fails the build server."""
    found = Path(sys.executable).with_name("bao")
    if not found.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("OpenBao's program is missing although requirements/dev.lock has it.")
        pytest.skip("No OpenBao program for this machine: nothing was tried against a real secrets server.")
    return str(found)


@dataclass
class OpenBao:
    """The running server and its administrator."""

    address: str
    process: subprocess.Popen[bytes]
    ca_file: str = ""

    @property
    def root(self) -> hvac.Client:
        return hvac.Client(url=self.address, token=ROOT, verify=self.ca_file or True)

    def write(self, name: str, **secret: object) -> None:
        self.root.secrets.kv.v2.create_or_update_secret(path=f"countersign/{name}", secret=secret)

    def token(self, *, ttl: str = "1h", policies: list[str] | None = None) -> str:
        policies = ["countersign"] if policies is None else policies
        answer = self.root.auth.token.create(policies=policies, ttl=ttl, no_parent=True)
        return str(answer["auth"]["client_token"])

    def approle(self, *, token_ttl: str = "1h") -> tuple[str, str]:
        root = self.root
        root.auth.approle.create_or_update_approle("portal", token_policies=["countersign"], token_ttl=token_ttl)
        role_id = root.auth.approle.read_role_id("portal")["data"]["role_id"]
        return role_id, root.auth.approle.generate_secret_id("portal")["data"]["secret_id"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def start(home: Path, *, tls: bool = False) -> OpenBao:
    """Start a development server on a free port, over TLS with an authority of its own if wanted, and prepare it."""
    port = free_port()
    command = [program(), "server", "-dev", f"-dev-root-token-id={ROOT}", "-dev-no-store-token"]
    command += [f"-dev-listen-address=127.0.0.1:{port}"]
    command += ["-dev-tls", f"-dev-tls-cert-dir={home}"] if tls else []
    with (home / "openbao.log").open("wb") as log:
        process = subprocess.Popen(command, env={"PATH": "/usr/bin:/bin", "HOME": str(home)}, stdout=log, stderr=log)
    ca_file = str(home / "vault-ca.pem") if tls else ""
    server = OpenBao(f"{'https' if tls else 'http'}://127.0.0.1:{port}", process, ca_file)
    deadline = time.monotonic() + 20
    while not _is_up(server):
        assert time.monotonic() < deadline, (home / "openbao.log").read_text()[-2000:]
        time.sleep(0.05)
    server.root.sys.create_or_update_policy("countersign", POLICY)
    server.root.sys.enable_auth_method("approle")
    return server


def _is_up(server: OpenBao) -> bool:
    try:
        answer = requests.get(f"{server.address}/v1/sys/health", timeout=1, verify=server.ca_file or True)
    except (requests.RequestException, OSError):
        return False
    return answer.status_code == 200


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
