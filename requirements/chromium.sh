#!/bin/sh
# Prints the path of a Chromium for the browser tests. Looks first; as root on Debian it installs the package.
# Without one it says loudly what will be skipped and prints nothing; under CI=true that is a failure.
set -eu

for candidate in "${CHROMIUM:-}" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable \
    "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done
[ -z "${CHROMIUM:-}" ] || { echo "CHROMIUM is $CHROMIUM, which cannot be run: name a Chromium or Chrome." >&2; exit 1; }

if [ "$(id -u)" = 0 ] && [ -z "${NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing a Chromium for the browser tests (NO_APT=1 prevents it) ..." >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2 || true
    # Without windows it starts in half the time; not every distribution has it.
    for package in chromium-headless-shell chromium; do
        if apt-get install -qy --no-install-recommends "$package" >&2 && command -v "$package"; then
            exit 0
        fi
    done
fi

cat >&2 <<'SENTENCE'
*************************************************************************************************
*  No browser: the tests in tests/e2e will be SKIPPED.                                          *
*  Install chromium or google-chrome, or name one:  make test CHROMIUM=/path/to/chromium        *
*************************************************************************************************
SENTENCE
[ "${CI:-}" != true ] || exit 1
