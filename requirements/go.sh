#!/bin/sh
# Makes the test with Go's own verification of logs possible (tests/go): as root it installs GCC's compiler for Go and Debian's
# golang.org/x/mod, 43 MB to load and 230 MB on the disk; Go itself would be twice that, and is used where it is there.
# Otherwise it says loudly what will be skipped. Under CI=true a machine that could have run it and does not is a failure.
set -eu

loud() { printf '%s\n' "*************************************************************************************************" >&2
    for line; do printf '*  %-91s  *\n' "$line" >&2; done
    printf '%s\n' "*************************************************************************************************" >&2; }
present() {
    [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ] || return 1
    for compiler in go gccgo gccgo-14 gccgo-13 gccgo-12; do
        command -v $compiler >/dev/null 2>&1 && return 0
    done
    return 1
}

present && exit 0
if [ "$(id -u)" != 0 ]; then
    loud "No compiler for Go, and not root: the test with Go's verification of logs (test_go.py) will be SKIPPED."
    exit 0
fi

if [ -z "${NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing gccgo-12 and golang-golang-x-mod-dev for tests with Go's verification of logs (NO_APT=1 prevents it) ..." >&2
    if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        gccgo-12 golang-golang-x-mod-dev; } >&2 && present; then
        exit 0
    fi
fi

loud "No compiler for Go: the test with Go's own verification of logs (test_go.py) will be SKIPPED." \
    "Install the packages gccgo-12 (or golang-go) and golang-golang-x-mod-dev."
[ "${CI:-}" != true ] || exit 1
