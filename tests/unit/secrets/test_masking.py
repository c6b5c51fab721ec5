"""Masking by pattern and by value, in configurations of all platforms and in sentences."""

from __future__ import annotations

import base64
import json
import string
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.domain.redaction import SecretValues, redact, redact_prose
from devices.domain.secret_values import SHORTEST, spellings, type_7

KEY = b"k" * 32
SECRET = "Zq9-hunter2"
HASH = "$9$Zq9hunter2.abcdefgh"

PLATFORM_LINES = [
    # EOS
    "ntp authentication-key 1 sha1 7 {}", "radius-server host 10.0.0.1 key 7 {}",
    "ip ospf message-digest-key 1 sha256 7 {}",
    "snmp-server user u g v3 localized f5717f auth sha {} priv aes {}", "neighbor 10.0.0.1 password 7 {}",
    # NX-OS
    'snmp-server community {} group network-operator', "username admin password 5 {} role network-admin",
    'radius-server host 10.0.0.1 key 7 "{}" authentication accounting', "authentication md5 key-string {}",
    # IOS XE
    "enable algorithm-type scrypt secret {}", "wlan set-key ascii 0 {}", "set-key ascii 0 {}",
    # IOS XR
    "snmp-server community encrypted {} RO", "secret 10 {}", "message-digest-key 1 md5 encrypted {}",
    "lsp-password hmac-md5 encrypted {}", "hello-password {}", "key-string password {}",
    # FRR
    "neighbor 10.0.0.1 password {}", "ip rip authentication string {}", "area-password clear {}",
    "isis password md5 {}",
    # Junos
    'encrypted-password "{}"; ## SECRET-DATA', 'set system root-authentication encrypted-password "{}"',
    'secret "{}"; ## SECRET-DATA', "set snmp community {} authorization read-only", "community {} {{",
    'set protocols bgp group x authentication-key "{}"', 'md5 1 key "{}"', 'something-new "{}"; ## SECRET-DATA',
]  # fmt: skip

SENTENCES = [
    "The device stores a coded form of the secret of user backup.",
    "User backup: the device stores a coded form of its secret; compare it by hand.",
    "The enable secret is missing. Check the password of olivia and try again.",
    "In /etc/credentials.yaml, put the password of “lab” in quotes: YAML takes it for no text.",
    "Somebody changed the community string; the key chain stays as it is.",
    "The token for Vault at https://vault.example.net:8200 has expired or was revoked. Provide a new one.",
    "The credential “core-rw” is declared for write sessions only.",
]


@pytest.mark.parametrize("line", PLATFORM_LINES)
@pytest.mark.parametrize("lead", ["", "    ", "+", "-  "])
def test_each_platforms_secrets_are_masked(line: str, lead: str) -> None:
    masked = redact(lead + line.format(SECRET, SECRET), key=KEY)
    assert SECRET not in masked
    assert masked.startswith(lead)
    assert redact(masked, key=KEY) == masked


@pytest.mark.parametrize(
    "text", [f"description {HASH}", f"unknown-statement {HASH};", f"It was {HASH}.", f'{{"a": "{HASH}"}}']
)
def test_a_password_hash_is_masked_wherever_it_stands(text: str) -> None:
    assert HASH not in redact(text, key=KEY)
    assert HASH not in redact_prose(text, key=KEY)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_our_own_sentences_survive(sentence: str) -> None:
    assert redact_prose(sentence, key=KEY, known_secrets=["an0ther"]) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "The device refused “snmp-server community {} RO”: % Invalid input",
        "The device refused “password {}”: % Invalid input",
        "Output: 'sw1(config)#username x secret {}\\r\\nsw1(config)#'",
        "Output: 'line\\nenable secret 5 {}\\n'",
        "refused: neighbor 192.0.2.1 password {}",
        'failed with {{"username": "a", "password": "{}"}}',
        "Login(username='a', password='{}')",
        "GET /x?password={}&b=1", "https://user:{}@example.net/x", "Authorization: Bearer {}", "X-Vault-Token: {}",
        "postgresql://user:{}@host/name",
    ],
)  # fmt: skip
def test_what_a_sentence_quotes_is_masked(text: str) -> None:
    masked = redact_prose(text.format(SECRET), key=KEY)
    assert SECRET not in masked
    assert redact_prose(masked, key=KEY) == masked


def test_type_7_is_ciscos() -> None:
    assert type_7(b"cisco", 2) == "02050D480809", "as IOS prints it (an often published example)"
    assert "070C285F" not in redact(f"x {type_7(b'cisco123', 7)}", key=KEY, known_secrets=["cisco123"])
    assert type_7(b"cisco123", 7).startswith("070C285F")


def test_known_values_overlap_without_leaving_either() -> None:
    masked = redact("abcdefgh abcdef", key=KEY, known_secrets=["abcdef", "abcdefgh"])
    assert "abcdef" not in masked


def test_a_mask_is_not_masked_again_by_a_value_that_looks_like_its_word() -> None:
    once = redact("x hidden y", key=KEY, known_secrets=["hidden"])
    assert once == redact(once, key=KEY, known_secrets=["hidden"])


VALUES = st.text(string.printable.strip() + "äß€ ", min_size=SHORTEST, max_size=40).filter(
    lambda text: text == text.strip()
)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.text(max_size=20), st.text(max_size=20))
def test_no_spelling_of_a_known_value_survives(secret: str, before: str, after: str) -> None:
    values = SecretValues([secret])
    raw = secret.encode()
    texts = [
        f"{before}{secret}{after}", json.dumps({"a": before + secret}), urlencode({"q": secret}), repr(secret),
        base64.b64encode(b"user:" + raw).decode(), base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(b"a" + raw).decode(),
        f" password 7 {type_7(raw, 11)}",
    ]  # fmt: skip
    for text in texts:
        for mask in (redact, redact_prose):
            masked = mask(text, key=KEY, known_secrets=values)
            assert not [
                each for each in spellings(secret) if each in masked and each not in "<hidden:0123456789abcdef>"
            ]


@pytest.mark.parametrize(
    "text",
    [
        "The above exception (snmp-server community s3cretWord RO) was the direct cause",
        "<pre>&#x27;snmp-server community s3cretWord RO&#x27;</pre>",
        "<td>&quot;enable secret 0 s3cretWord&quot;</td>",
        "new row violates check\nDETAIL:  Failing row contains (1, x, snmp-server community s3cretWord RO, t).\n",
        "DETAIL:  Failing row contains (7,\n s3cretWord\n, f).",
    ],
)
def test_what_frameworks_quote_in_their_own_ways_is_masked_once_and_for_all(text: str) -> None:
    masked = redact_prose(text, key=b"k")
    assert "s3cretWord" not in masked
    assert redact_prose(masked, key=b"k") == masked


@pytest.mark.parametrize(
    "sentence",
    [
        "Nothing was sent (the password was refused).",
        "The key (secret of the user) is not known.",
        "An interface (ospf authentication is off) is not the one that was approved.",
    ],
)
def test_brackets_in_our_own_sentences_hide_nothing(sentence: str) -> None:
    assert redact_prose(sentence, key=b"k") == sentence
