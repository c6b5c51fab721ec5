#!/bin/sh
# Makes the tests on real FRRouting routers possible: as root, where network namespaces can be made, it installs the packages.
# Otherwise it says loudly what will be skipped. Under CI=true a machine that could have run them and does not is a failure.
set -eu

loud() { printf '%s\n' "*************************************************************************************************" >&2
    for line; do printf '*  %-91s  *\n' "$line" >&2; done
    printf '%s\n' "*************************************************************************************************" >&2; }
present() { [ -x /usr/lib/frr/bgpd ] && [ -x /usr/lib/frr/frr-reload.py ] && [ -x /usr/sbin/sshd ] && command -v ip >/dev/null 2>&1; }
namespaces() { unshare --net --uts true 2>/dev/null; }

if [ "$(id -u)" != 0 ]; then
    loud "Not root: the tests on real routers (tests/integration/frr) will be SKIPPED."
    exit 0
fi
if ! namespaces; then
    loud "No network namespaces here: the tests on real routers (tests/integration/frr) will be SKIPPED." \
        "A container needs the capabilities NET_ADMIN and SYS_ADMIN for them."
    exit 0
fi
present && exit 0

if [ -z "${NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing frr, frr-pythontools, openssh-server and iproute2 for tests on real routers (NO_APT=1 prevents it) ..." >&2
    # The packages must not start daemons of their own on this machine.
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e $policy ]; then
        made=$policy
        trap 'rm -f $made' EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    if { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        frr frr-pythontools openssh-server iproute2; } >&2 && present; then
        exit 0
    fi
fi

loud "No FRRouting: the tests on real routers (tests/integration/frr) will be SKIPPED." \
    "Install the packages frr, frr-pythontools, openssh-server and iproute2."
[ "${CI:-}" != true ] || exit 1
