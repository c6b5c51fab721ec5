#!/bin/sh
# Usage: install.sh base|dev|redis|bench (redis: what the product needs, and the client for a queue in Redis)
# Makes .venv (for bench: .venv-bench, which the product never meets) hold exactly the packages of requirements/<kind>.lock, by their hashes, with uv where present, else pip.
# Does nothing when it holds them already; repairs a virtual environment that was left half made.
set -eu
cd "$(dirname "$0")/.."

kind=$1
lock=requirements/$kind.lock
venv=.venv
[ "$kind" != bench ] || venv=.venv-bench
python=$venv/bin/python
wanted=${PYTHON:-python3}
log=$venv/install.log

say() { printf '%s\n' "$*"; }
give_up() { say "$*" >&2; exit 1; }
fingerprint() { cat requirements/build.lock "$1" | sha256sum | cut -c1-32; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has() { command -v "$1" >/dev/null 2>&1; }

is_installed() {
    # What tests need contains what the product needs, with or without a queue in Redis.
    also=dev
    [ "$kind" != base ] || also="redis dev"
    [ "$kind" != bench ] || also=bench
    for one in "$kind" $also; do
        stamp=$venv/installed-$one
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint "requirements/$one.lock")" ] && return 0
    done
    return 1
}

if is_installed && is_new_enough $python; then
    exit 0
fi

if ! is_new_enough $python; then
    has "$wanted" || give_up "There is no $wanted on this machine: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 ..."
    is_new_enough "$wanted" ||
        give_up "$wanted is $("$wanted" --version 2>&1); Countersign needs 3.11 or newer. Name one: make PYTHON=/path/to/python3.11 ..."
    if [ -e $venv ]; then
        [ -d $venv ] && [ ! -L $venv ] || give_up "$venv is not a folder that was made by make: move it away and try again."
        say "The virtual environment in $venv is broken or too old: making it anew."
        rm -rf $venv
    fi
    if has uv; then
        uv venv -q --python "$wanted" $venv
    elif ! "$wanted" -m venv $venv >/dev/null 2>&1; then
        rm -rf $venv
        give_up "$wanted cannot make virtual environments: install uv, or Python's venv module (Debian, Ubuntu: apt-get install python3-venv)."
    fi
fi

rm -f $venv/installed-*
[ -n "${SETUP_QUIET:-}" ] || say "Installing $(grep -c '^[a-z]' "$lock") packages of $lock into $venv (once) ..."
if has uv; then
    set -- uv pip install -q --python $python --require-hashes
else
    $python -m pip --version >/dev/null 2>&1 || $python -m ensurepip >/dev/null 2>&1 ||
        give_up "$venv has no pip and it cannot be put there: remove $venv and try again."
    set -- $python -m pip install -q --disable-pip-version-check --no-input --retries 2 --timeout 20 --require-hashes
fi
# Packages that are published as source are built with the locked setuptools, not with one that is fetched at will.
if ! { "$@" -r requirements/build.lock && "$@" --no-build-isolation -r "$lock"; } >"$log" 2>&1; then
    say "The packages of $lock could not be installed. The end of $log:" >&2
    tail -n 6 "$log" >&2
    give_up "Without a network, name a mirror or a folder of wheels (PIP_INDEX_URL, PIP_FIND_LINKS; with uv UV_INDEX_URL, UV_FIND_LINKS). The next try goes on where this one ended."
fi
fingerprint "$lock" >$venv/installed-"$kind"
