"""Measure masking on 20,000 lines: `python -m tests.bench.scrub_bench`. Prints a table; nothing is asserted."""

import secrets
import sys
import time
import tracemalloc

from devices.domain.redaction import SecretValues, redact, redact_prose

PORTS = 5_000
KEY = b"k" * 32
SENTENCE = "DeviceRun 17: the device did not answer “show version” in time; recovery takes over."


def configuration() -> str:
    """A switch with a secret in every fourth line."""
    return "\n".join(
        f"interface GigabitEthernet1/0/{port}\n description port {port}\n switchport access vlan {port % 4000}\n"
        f" ip ospf authentication-key 7 {port:016x}"
        for port in range(PORTS)
    )


def measure(text: str, known: int) -> str:
    """One row: seconds to compile the values, to mask the text and a log line, and the most memory it took."""
    values = [secrets.token_urlsafe(15) for _ in range(known)]
    begin = time.perf_counter()
    compiled = SecretValues(values)
    built = time.perf_counter()
    redact(text, key=KEY, known_secrets=compiled)
    done = time.perf_counter()
    redact_prose(SENTENCE, key=KEY, known_secrets=compiled)
    line = time.perf_counter()
    tracemalloc.start()
    redact(text, key=KEY, known_secrets=compiled)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return f"{known:6} {built - begin:12.3f} {done - built:10.3f} {(line - done) * 1e6:14.0f} {peak / 1e6:9.1f}"


def main() -> None:
    """Print the table."""
    text = configuration()
    sys.stdout.write(f"{text.count(chr(10)) + 1} lines, {len(text)} characters\n")
    sys.stdout.write(f"{'values':>6} {'compile (s)':>12} {'mask (s)':>10} {'sentence (µs)':>14} {'peak (MB)':>9}\n")
    for known in (0, 10, 100, 500):
        sys.stdout.write(measure(text, known) + "\n")


if __name__ == "__main__":
    main()
