"""What secrets look like in the configurations and outputs of IOS, IOS XE, NX-OS, EOS, IOS XR, Junos and FRR.

`LINE` holds for lines of a configuration or an output, from the line's first word on. `ANYWHERE` holds in every text,
sentences included: none of its forms is written in ordinary English. A pattern's groups `secret` and `second` are
what gets masked.
"""

import re

# Optional encryption types: 0, 5, 7 …, or words such as sha512.
_TYPE = r"(?:(?:\d{1,2}|encrypted|clear|md5|sha\d+|scrypt|pbkdf2|hex|ascii|text|ascii-text|hmac-\S+) ){0,2}"
_S = r"(?P<secret>\"[^\"]*\"|\S+)"
_DIGEST = r"(?:md5|sha\S*|hmac-\S+|cmac-\S+|ascii|des)"
_KEY_WORDS = r"(?:password|passphrase|secret|auth-password|priv-password|shared-secret|server-key)"

_STRICT = (
    rf"enable (?:algorithm-type \S+ )?(?:secret|password) (?:level \d+ )?{_TYPE}{_S}",
    rf"username \S+ .*?\b(?:secret|password) {_TYPE}{_S}",
    rf"snmp-server community {_TYPE}{_S}",
    rf"snmp-server host \S+ (?:vrf \S+ )?(?:traps |informs )?(?:version (?:1|2c|3 (?:auth|noauth|priv)) )?{_S}",
    (
        rf"snmp-server user \S+ .*?\bauth {_DIGEST} (?P<secret>\S+)"
        r"(?: priv (?:(?:3des|des|aes(?:[ -]?\d+)?) )?(?P<second>\S+))?"
    ),
    rf"(?:set )?(?:snmp )?community {_S} (?:authorization|clients|\{{)",
    rf"(?:tacacs|radius)-server .*?\bkey {_TYPE}{_S}",
    rf"(?:server-private|server) .*?\bkey {_TYPE}{_S}",
    rf"ntp authentication-key \d+ \S+ {_TYPE}{_S}",
    rf"(?:key-string|key-octet-string) (?:password )?{_TYPE}{_S}",
    rf"neighbor \S+ password {_TYPE}{_S}",
    rf"(?:ip(?:v6)? )?(?:ospf )?message-digest-key \d+ {_DIGEST} {_TYPE}{_S}",
    rf"(?:ip(?:v6)? )?ospf authentication-key {_TYPE}{_S}",
    rf"area \S+ .*?\b(?:message-digest-key \d+ {_DIGEST}|authentication-key) {_TYPE}{_S}",
    rf"(?:isis|domain|area|lsp|hello)[ -]password (?!keychain\b){_TYPE}{_S}",
    rf"isis authentication key {_TYPE}{_S}",
    rf"ip rip authentication string {_S}",
    rf"wpa-psk (?:ascii|hex) {_TYPE}{_S}",
    rf".*\bset-key (?:ascii|hex) {_TYPE}{_S}",
    rf"crypto isakmp key {_TYPE}{_S}",
    rf"pre-shared-key (?:local |remote |address .*?key )?{_TYPE}{_S}",
    rf"ppp (?:chap|pap) .*?\bpassword {_TYPE}{_S}",
    rf"vtp password {_S}",
    (
        rf"(?:standby|vrrp|glbp) (?:\d+ )?authentication (?:md5 )?(?:key-string |text )?{_TYPE}"
        r"(?P<secret>(?!md5\b|text\b|key-chain\b)\S+)"
    ),
    rf"authentication (?:md5 )?(?:key-string|text) {_TYPE}{_S}",
    rf"(?:ip )?(?:ftp|http client|scp) password {_TYPE}{_S}",
    rf"key config-key \S+ {_S}",
    rf"ip nhrp authentication {_S}",
    rf"authentication (?:mode )?md5 key {_TYPE}{_S}",
    (
        r"(?:set )?.*\b(?:encrypted-password|plain-text-password-value|simple-password|authentication-key"
        r"|authentication-password|privacy-password|authentication-key-value|pre-shared-key ascii-text"
        rf"|md5 \d+ key) {_S}"
    ),
)
# Only for what is known to be configuration: in a sentence, any word may follow "password".
_GENERAL = rf".*\b{_KEY_WORDS} {_TYPE}(?!encryption\b|strength|policy\b|minimum-length\b|length\b){_S}"

_LEAD = r"^(?P<lead>[+\- ]?\s*(?:\d+ )?(?:do )?(?:no |default |delete )?)"

LINE = tuple(re.compile(_LEAD + spec, re.IGNORECASE) for spec in (*_STRICT, _GENERAL))
"""For configurations, commands, diffs and device output."""

STRICT_LINE = LINE[:-1]
"""For lines that are quoted somewhere in a sentence or an error message."""

MAY_HOLD_SECRET = re.compile(
    r"password|passphrase|secret|community|\bkey\b|-key\b|key-|psk|authentication|snmp-server (?:host|user)|string",
    re.IGNORECASE,
)
"""A line without any of these words matches no pattern of `LINE`; it saves trying them all."""

ANYWHERE = (
    # crypt(3) hashes and Junos' reversible forms, which are secrets wherever they stand
    (("$",), re.compile(r"(?P<secret>\$(?:1|5|6|7|8|9|14|y|2[abxy]|sha\d+)\$[^\s\"';,<>]{6,})")),
    (("hvs.", "hvb.", "hvr."), re.compile(r"(?P<secret>\bhv[sbr]\.[A-Za-z0-9_-]{20,})")),
    (
        ("authorization", "x-vault-token"),
        re.compile(
            r"(?i:\b(?:authorization|x-vault-token)[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|token)\s+)?)"
            r"(?P<secret>[^\s\"',;]+)"
        ),
    ),
    # "password": "…" of JSON and of representations
    (
        ("pass", "secret", "key", "psk", "community", "enable", "token"),
        re.compile(
            r"(?i:[\"'](?:\w*(?:password|passwd|passphrase|secret|shared_?key|psk|secret_id)|community|enable|token)"
            r"[\"']\s*:\s*)(?P<secret>\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.)+')"
        ),
    ),
    # password=… of queries, forms and representations
    (
        ("password=", "passwd=", "passphrase=", "secret="),
        re.compile(
            r"(?i:(?:password|passwd|passphrase|secret)=)"
            r"(?P<secret>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&,;)\"']+)"
        ),
    ),
    # the database quotes the row that it refuses, whatever stands in it
    (("failing row contains",), re.compile(r"Failing row contains \((?P<secret>.+?)\)\.(?=\s*$|\n|[\"'])", re.DOTALL)),
    (("://",), re.compile(r"(?i:\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{1,200}:)(?P<secret>[^\s/@]{1,500})(?=@)")),
    (
        ("private key",),
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?P<secret>[\sA-Za-z0-9+/=:,\\-]+?)-----END"),
    ),
)
"""For every text: words one of which must be in it, in small letters, and the pattern."""

KEY = re.compile(rf"^[+\- ]?\s*(?:no )?key {_TYPE}{_S}\s*$", re.IGNORECASE)
TYPED_KEY = re.compile(r"^[+\- ]?\s*(?:no )?key \d \S", re.IGNORECASE)
FREE_TEXT = re.compile(r"^[+\- ]?\s*(?:no )?(?:\d+ )?(?:description|remark|!|hostname|name) ?", re.IGNORECASE)
HEADER = re.compile(r"^[+\- ]?(?P<header>\S.*)$")
CERTIFICATE = re.compile(r"^[+\- ]?\s*certificate (?:self-signed |ca )?[0-9A-F]+\s*$", re.IGNORECASE)
HEX_LINE = re.compile(r"^(?P<lead>[+\- ]?\s*)(?P<secret>(?:[0-9A-F]{2,8} ?)+)\s*$", re.IGNORECASE)
JUNOS_SECRET = re.compile(r"^.*?(?P<secret>\"[^\"]+\"|[^\s\";]+);? ?## SECRET-DATA\s*$")
