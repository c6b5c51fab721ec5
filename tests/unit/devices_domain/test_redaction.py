"""Every kind of secret that the platforms print is masked, and nothing else is."""

from __future__ import annotations

import time

import pytest

from devices.domain.redaction import redact

KEY = b"k" * 32
SECRET = "Zq9-hunter2"

LINES = [
    f"enable secret 5 {SECRET}",
    f"enable password {SECRET}",
    f"enable password level 7 7 {SECRET}",
    f"username admin privilege 15 secret 9 {SECRET}",
    f"username admin password 0 {SECRET}",
    f"username eos role network-admin secret sha512 {SECRET}",
    f"snmp-server community {SECRET} RO 10",
    f"snmp-server host 10.0.0.1 version 2c {SECRET}",
    f"snmp-server host 10.0.0.1 {SECRET}",
    f"snmp-server user joe grp v3 auth sha {SECRET} priv aes 128 Other{SECRET}",
    f"tacacs-server host 10.0.0.1 key 7 {SECRET}",
    f"tacacs-server key {SECRET}",
    f"radius-server host 10.0.0.1 auth-port 1812 key {SECRET}",
    f" server-private 10.0.0.1 key 7 {SECRET}",
    f"tacacs server noc\n key 7 {SECRET}",
    f"radius server noc\n key {SECRET}",
    f"ntp authentication-key 1 md5 {SECRET} 7",
    f"key chain ospf\n key 1\n  key-string 7 {SECRET}",
    f" neighbor 10.0.0.1 password 7 {SECRET}",
    f" ip ospf message-digest-key 1 md5 7 {SECRET}",
    f" ip ospf authentication-key {SECRET}",
    f" area 0 virtual-link 10.0.0.1 authentication-key {SECRET}",
    f" isis password {SECRET}",
    f" domain-password {SECRET}",
    f" wpa-psk ascii 0 {SECRET}",
    f"crypto isakmp key 6 {SECRET} address 0.0.0.0",
    f"  pre-shared-key local {SECRET}",
    f"  pre-shared-key {SECRET}",
    f" ppp chap password 7 {SECRET}",
    f" ppp pap sent-username joe password 0 {SECRET}",
    f"vtp password {SECRET}",
    f" standby 1 authentication md5 key-string {SECRET}",
    f" standby 1 authentication {SECRET}",
    f" vrrp 1 authentication text {SECRET}",
    f"line vty 0 4\n password 7 {SECRET}",
    f"password {SECRET}",
    f"ip ftp password 7 {SECRET}",
    f"ip http client password {SECRET}",
    f"snmp-server user admin network-admin auth md5 {SECRET} priv Other{SECRET} localizedkey",
    f"snmp-server user admin network-admin auth md5 {SECRET} priv aes-128 Other{SECRET} localizedkey",
    f"aaa server radius dynamic-author\n client 10.0.0.1 server-key 7 {SECRET}",
    f"key config-key password-encrypt {SECRET}",
    f" ip nhrp authentication {SECRET}",
    f"router bgp 1\n neighbor 2001:db8::1 password {SECRET}",
    f"enable password {SECRET}\nhostname frr",
    f"interface Tunnel0\n ip nhrp authentication {SECRET}",
    f"crypto ikev2 keyring K\n peer P\n  pre-shared-key remote {SECRET}",
    f"no username admin secret 9 {SECRET}",
    f"ip ospf 1 area 0\n ip ospf message-digest-key 5 md5 {SECRET}",
]

HARMLESS = """hostname pass-the-salt
service password-encryption
key chain ospf
 key 1
interface Vlan10
 description the password is not here
 standby 1 authentication md5 key-chain ospf
snmp-server location Hall 4
snmp-server enable traps
logging host 10.0.0.9
ip access-list extended SECRET
 10 permit ip any any
"""


@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize("lead", ["", "+", "-", " "])
def test_the_secret_is_gone_and_the_lines_stay(text: str, lead: str) -> None:
    given = "\n".join(lead + line for line in text.split("\n"))
    masked = redact(given, key=KEY)
    assert SECRET not in masked
    assert "<hidden:" in masked
    assert masked.count("\n") == given.count("\n")


@pytest.mark.parametrize("text", LINES)
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = redact(text, key=KEY)
    assert redact(once, key=KEY) == once


def test_what_is_no_secret_stays() -> None:
    assert redact(HARMLESS, key=KEY) == HARMLESS


def test_equal_secrets_get_equal_masks_and_other_keys_other_ones() -> None:
    one, same, other = (redact(f"vtp password {value}", key=KEY) for value in ("abcdef", "abcdef", "abcdeg"))
    assert one == same != other
    assert redact("vtp password abcdef", key=b"x" * 32) != one


def test_known_values_are_masked_wherever_they_stand() -> None:
    text = f"the device said: {SECRET}!\nand again {SECRET}{SECRET}"
    masked = redact(text, key=KEY, known_secrets=[SECRET, ""])
    assert SECRET not in masked


def test_a_certificate_is_masked_line_by_line() -> None:
    text = " certificate self-signed 01\n  3082024B 308201B4 A0030201\n  0D06092A 864886F7\n  quit\ninterface Vlan1"
    masked = redact(text, key=KEY)
    assert "3082024B" not in masked
    assert "864886F7" not in masked
    assert masked.endswith("  quit\ninterface Vlan1")


@pytest.mark.parametrize(
    "line",
    [
        "do snmp-server community {} RO",
        "{{% if device.site == 'FRA' %}}snmp-server community {} RO{{% endif %}}",
        "{{% if a %}}{{% if b %}} neighbor 192.0.2.1 password {}{{% endif %}}{{% endif %}}",
    ],
)
def test_what_stands_before_a_line_in_a_template_does_not_hide_its_secret(line: str) -> None:
    masked = redact(line.format("s3cr3t"), key=KEY)
    assert "s3cr3t" not in masked
    assert masked == line.format(masked[masked.index("<hidden:") :][:17])


def test_a_long_line_of_tags_takes_no_time() -> None:
    begin = time.monotonic()
    redact("{%" * 20_000 + "%}" * 20_000, key=KEY)
    assert time.monotonic() - begin < 2
