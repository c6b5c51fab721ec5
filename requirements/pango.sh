#!/bin/sh
# Makes reports as PDF possible: as root on Debian it installs the libraries that WeasyPrint loads, and a font. Otherwise it
# says loudly what will be skipped. Under CI=true a machine that could have made PDFs and does not is a failure.
set -eu

loud() { printf '%s\n' "*************************************************************************************************" >&2
    for line; do printf '*  %-91s  *\n' "$line" >&2; done
    printf '%s\n' "*************************************************************************************************" >&2; }
packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
python="$(dirname "$0")/../.venv/bin/python"
[ -x "$python" ] || python=python3
present() {
    "$python" - <<'PYTHON'
import ctypes, sys
try:
    for name in ("gobject-2.0", "pango-1.0", "pangoft2-1.0", "harfbuzz", "harfbuzz-subset"):
        ctypes.CDLL(f"lib{name}.so.0")
    ctypes.CDLL("libfontconfig.so.1")
except OSError:
    sys.exit(1)
PYTHON
}

present && exit 0
if [ "$(id -u)" != 0 ]; then
    loud "No Pango, and not root: the tests of reports as PDF will be SKIPPED." "Install the packages $packages."
    exit 0
fi
if [ -z "${NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $packages for reports as PDF (NO_APT=1 prevents it) ..." >&2
    # shellcheck disable=SC2086 - the packages are several words
    if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages; } >&2 && present; then
        exit 0
    fi
fi
loud "No Pango: the tests of reports as PDF will be SKIPPED." "Install the packages $packages."
[ "${CI:-}" != true ] || exit 1
