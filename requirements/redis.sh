#!/bin/sh
# Makes the tests of a queue in Redis possible: as root it installs the server's package. Otherwise it says loudly what will
# be skipped. Under CI=true a machine that could have run them and does not is a failure.
set -eu

loud() { printf '%s\n' "*************************************************************************************************" >&2
    for line; do printf '*  %-91s  *\n' "$line" >&2; done
    printf '%s\n' "*************************************************************************************************" >&2; }

command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ]; then
    loud "No redis-server, and not root: the tests of a queue in Redis will be SKIPPED."
    exit 0
fi
if [ -z "${NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing redis-server for the tests of a queue in Redis (NO_APT=1 prevents it) ..." >&2
    # The package must not start a server of its own on this machine.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends redis-server; } >&2 &&
        command -v redis-server >/dev/null 2>&1; then
        exit 0
    fi
fi
loud "No redis-server: the tests of a queue in Redis will be SKIPPED." "Install the package redis-server."
[ "${CI:-}" != true ] || exit 1
