"""Makes the published test vectors of the plan digest from docs/plan-digest.md alone.

It imports nothing but the standard library and nothing of the product, writes JSON and hashes trees in its own way
(recursively, as RFC 6962 words it), and so is a second opinion. ``python make_vectors.py FOLDER`` writes the files.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

SCHEMA = "countersign.device-plan/2"
FIRST = "countersign.device-plan/1"
SINCE_SECOND = ("backout_method", "confirm_within_s", "diff_source")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# From the test suite of Certificate Transparency (RFC 6962): leaf data in hex, and roots by number of leaves.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def text_of(value: str) -> str:
    """A JSON string with no escape that JSON does not demand."""
    out = []
    for char in value:
        if char in ESCAPES:
            out.append(ESCAPES[char])
        elif ord(char) < 0x20:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def canonical(value: object) -> str:
    """The canonical form of a value of the profile, written out by hand."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if not isinstance(value, dict):
        raise TypeError(value)
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(text_of(name) + ":" + canonical(value[name]) for name in names) + "}"


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1: split at the largest power of two that is smaller than the number of leaves."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:]))


def hexadecimal(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hex."""
    return sha256(text.encode()).hex()


def payload(source: str, key: str, number: int, **changed: object) -> dict[str, Any]:
    """A device plan as a requester's NTP change would make it, varied by ``number``."""
    name = f"sw-fra-{number:02d}"
    banner = ["banner motd ^C", f"{name}: authorised use", "^C"]
    return {
        "schema": SCHEMA,
        "device": {
            "source": source, "key": key, "name": name, "platform": "cisco_ios", "address": f"192.0.2.{number + 10}",
            "port": 22, "serial": f"FOC{number:08d}", "hostname": name,
            "host_key_sha256": [f"SHA256:{base64.b64encode(sha256(name.encode())).decode().rstrip('=')}"],
        },
        "driver": "netmiko",
        "baseline_sha256": hexadecimal(f"baseline {number}"),
        "commands": ["ntp server 192.0.2.1", "ntp server 192.0.2.2", *banner],
        "expected_diff": f"@@ -1,2 +1,2 @@\n hostname {name}\n-ntp server 198.51.100.1\n+ntp server 192.0.2.1\n",
        "target_sha256": hexadecimal(f"target {number}"),
        "backout": ["no ntp server 192.0.2.1", "no ntp server 192.0.2.2", "ntp server 198.51.100.1"],
        "pre_checks": [],
        "post_checks": [
            {"name": "NTP", "command": "show ntp status", "expect": "contains", "value": "synch", "timeout_s": 30}
        ],
        "strategy": {"max_parallel": 10, "on_failure": "backout"},
        "policy_version": "builtin-1",
        "diff_source": "estimate",
        "backout_method": "commands",
        "confirm_within_s": 0,
        **changed,
    }  # fmt: skip


def plan(description: str, payloads: list[dict[str, Any]]) -> dict[str, Any]:
    """A vector: device plans in any order, what they encode to, and the digest over all of them."""

    def place(item: dict[str, Any]) -> tuple[bytes, bytes]:
        return item["device"]["source"].encode(), item["device"]["key"].encode()

    ordered = sorted(payloads, key=place)
    devices = []
    for item in ordered:
        encoded = canonical(item)
        devices.append(
            {
                "source": item["device"]["source"],
                "key": item["device"]["key"],
                "canonical": encoded,
                "digest": hexadecimal(encoded),
            }
        )
    root = tree_hash([bytes.fromhex(device["digest"]) for device in devices]).hex()
    return {"description": description, "payloads": payloads, "devices": devices, "plan_digest": root}


def plans() -> dict[str, dict[str, Any]]:
    """All plan vectors by the name of their file."""
    made = {}
    for count in (1, 2, 3, 5, 8, 12, 13):
        payloads = [payload("lab", f"{number}", number) for number in range(1, count + 1)]
        middle = count // 2
        out_of_order = payloads[middle:] + payloads[:middle]
        made[f"plan-{count:02d}"] = plan(f"{count} devices, given out of order", out_of_order)
    made["order"] = plan(
        "device order is by UTF-8 bytes of source, then key: not by number, not by UTF-16, not without case",
        [
            payload(source, key, number)
            for number, (source, key) in enumerate(
                [("lab", "9"), ("lab", "10"), ("lab", "\U0001f600"), ("lab", "\uff5e"), ("lab", "é"), ("lab", "z"),
                 ("lab", "Z"), ("Lab", "9"), ("lab-2", "1"), ("lab", "")]
            )
        ],
    )  # fmt: skip
    made["text"] = plan(
        "text: non-ASCII, quotes, backslashes, control characters and empty fields",
        [
            payload("netbox", "1", 1, commands=['description Café "Zürich" \\ 東京 \U0001f680', "banner #\u00a0#"]),
            payload("netbox", "2", 2, expected_diff="\x00\x01\x08\t\n\x0b\x0c\r\x1b\x1f\x7f\x80\u2028\u2029/</b>"),
            payload("netbox", "3", 3, commands=[], expected_diff="", backout=[], post_checks=[], strategy={}),
            payload("netbox", "4", 4, commands=["", " ", "e\u0301", "\u00e9"]),
        ],
    )  # fmt: skip
    first = payload("lab", "1", 1, schema=FIRST)
    made["mixed"] = plan(
        "a plan of the first schema, and one of the second that is replaced as a whole under a commit timer",
        [
            {name: value for name, value in first.items() if name not in SINCE_SECOND},
            payload("lab", "2", 2, diff_source="device", backout_method="replace", backout=[], confirm_within_s=300),
        ],
    )
    made["values"] = plan(
        "numbers at their limits, true, false, null and nesting inside checks and strategy",
        [
            payload("lab", "1", 1, strategy={"b": 9007199254740991, "a": -9007199254740991, "c": 0, "A": True}),
            payload("lab", "2", 2, strategy={"nested": {"list": [1, [2, [3]], {}], "none": None, "no": False}, "": ""}),
            payload("lab", "3", 3, strategy={"aa": 1, "a": 2, "a b": 3, "a\"b": 4, "a\\": 5, "~": 6, " ": 7, "a-": 8}),
        ],
    )  # fmt: skip
    return made


REJECTED = [
    ("a space after the colon", '{"a": 1}'),
    ("a space before the end", '{"a":1 }'),
    ("a line end after the value", '{"a":1}\n'),
    ("names out of order", '{"b":1,"a":2}'),
    ("a name given twice", '{"a":1,"a":1}'),
    ("a fraction", '{"a":1.5}'),
    ("a whole number written as a fraction", '{"a":1.0}'),
    ("an exponent", '{"a":1e2}'),
    ("minus zero", '{"a":-0}'),
    ("a leading zero", '{"a":01}'),
    ("two to the power of 53", '{"a":9007199254740992}'),
    ("minus two to the power of 53", '{"a":-9007199254740992}'),
    ("not a number", '{"a":NaN}'),
    ("infinity", '{"a":Infinity}'),
    ("a name that is not ASCII", '{"é":1}'),
    ("an escape that is not needed", '{"a":"\\u0041"}'),
    ("an escaped slash", '{"a":"\\/"}'),
    ("an upper-case escape", '{"a":"\\u001F"}'),
    ("a long escape where a short one exists", '{"a":"\\u000a"}'),
    ("an escaped non-ASCII letter", '{"a":"\\u00e9"}'),
    ("half of a surrogate pair", '{"a":"\\ud83d"}'),
    ("a raw control character", '{"a":"\x01"}'),
    ("a byte order mark", '\ufeff{"a":1}'),
    ("a comment", '{"a":1}//'),
    ("nothing", ""),
    ("two values", "{}{}"),
]


def canonical_vectors() -> dict[str, Any]:
    """Values with their canonical form, and texts that are refused."""
    values = [
        None, True, False, 0, -1, 9007199254740991, -9007199254740991, "", "é", "\U0001f680", "\x00\x1f\x7f\u2028",
        '"\\/\b\f\n\r\t', [], {}, [[], {}, [None]], {"b": 1, "a": 2}, {"aa": 1, "a": 2, "B": 3, "": 4},
        {"1": 1, "10": 2, "2": 3}, {"outer": {"z": [1, 2], "a": {"y": None, "x": "text"}}},
    ]  # fmt: skip
    return {
        "accepted": [
            {"value": value, "canonical": canonical(value), "sha256": hexadecimal(canonical(value))} for value in values
        ],
        "rejected": [{"why": why, "utf8_hex": text.encode().hex()} for why, text in REJECTED],
    }


def tree_vectors() -> dict[str, Any]:
    """Roots over device digests alone, for many sizes of plan."""
    digests = [hexadecimal(f"device {number}") for number in range(1025)]
    sizes = [*range(1, 34), 63, 64, 65, 100, 255, 256, 257, 1000, 1024, 1025]
    return {
        "digests": "SHA-256 of the ASCII text 'device N', N counted from 0, in hex",
        "first_digests": digests[:3],
        "roots": {str(size): tree_hash([bytes.fromhex(one) for one in digests[:size]]).hex() for size in sizes},
    }


def main() -> None:
    """Check the tree against Certificate Transparency's own vectors, then write all files."""
    leaves = [bytes.fromhex(leaf) for leaf in CT_LEAVES]
    for size, root in CT_ROOTS.items():
        if tree_hash(leaves[:size]).hex() != root:
            sys.exit(f"The tree over {size} leaves is not that of RFC 6962.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "plan-digest"
    files = {**plans(), "canonical": canonical_vectors(), "tree": tree_vectors()}
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=True, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
