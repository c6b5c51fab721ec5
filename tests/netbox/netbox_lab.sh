#!/usr/bin/env bash
# A real NetBox on this machine for `make test-netbox`: NetBox from PyPI, PostgreSQL and Redis from the distribution
# (the project's own PostgreSQL is built without ICU, which NetBox needs).
#   netbox_lab.sh install | start | stop | status | times | destroy
# Each step looks whether its work is done. The first start takes about ten minutes: NetBox has hundreds of migrations.
# What they leave behind is kept as a dump in the lab's folder, so that a start after `destroy` takes half a minute.
# NETBOX_LAB names the folder (var/netbox), PY312 a Python 3.12; NetBox needs a virtual environment of its own.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
LAB=${NETBOX_LAB:-$ROOT/var/netbox}
NETBOX_VERSION=4.7.3
PG_PORT=${NETBOX_LAB_PG_PORT:-55533} REDIS_PORT=${NETBOX_LAB_REDIS_PORT:-63791} NB_PORT=${NETBOX_LAB_PORT:-8901}
VENV=$LAB/venv RUN=$LAB/run LOG=$LAB/log PGDATA=$LAB/pg/data DUMP=$LAB/migrated-$NETBOX_VERSION.dump
export NETBOX_ROOT=$LAB/root PYTHONUNBUFFERED=1
mkdir -p "$RUN" "$LOG" "$LAB/root/conf" "$LAB/pg" "$LAB/redis"

step() { # step NAME COMMAND...: run it with its output in a log, and note how long it took
  local name=$1 began=$SECONDS; shift
  if ! "$@" >"$LOG/$name.log" 2>&1; then
    echo "The step “$name” failed. The end of $LOG/$name.log:" >&2; tail -15 "$LOG/$name.log" >&2; exit 1
  fi
  printf '%s\t%s s\n' "$name" "$((SECONDS - began))" | tee -a "$LAB/times.tsv"
}
alive() { [ -s "$RUN/$1.pid" ] && kill -0 "$(head -1 "$RUN/$1.pid")" 2>/dev/null; }
pg() { # a program of the server's version; PostgreSQL refuses to run as root
  local program; program=$(ls -d /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -1); shift
  if [ "$(id -u)" = 0 ]; then (cd /; runuser -u nobody -- "$program" "$@"); else "$program" "$@"; fi
}
sql() { "$VENV/bin/python" - "$@" <<PY
import sys, psycopg
with psycopg.connect(host="127.0.0.1", port=$PG_PORT, user="netbox", dbname=sys.argv[1], autocommit=True) as connection:
    cursor = connection.execute(sys.argv[2])
    print(cursor.fetchone()[0] if cursor.description else "")
PY
}

python312() {
  local found
  for found in "${PY312:-}" "$(command -v python3.12 || true)" "$HOME"/.pyenv/versions/3.12*/bin/python; do
    if [ -n "$found" ] && "$found" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
      echo "$found"; return
    fi
  done
  echo "NetBox $NETBOX_VERSION needs Python 3.12: name one in PY312." >&2; return 1
}
apt_packages() { # NetBox builds psycopg from source; the servers of the distribution must not start by themselves
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  local made=
  if [ ! -e /usr/sbin/policy-rc.d ]; then printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; made=1; fi
  apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql redis-server libpq-dev gcc libc6-dev
  [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d
}
netbox_packages() {
  [ -x "$VENV/bin/python" ] || "$(python312)" -m venv "$VENV"
  "$VENV/bin/python" -m pip install -q "netbox==$NETBOX_VERSION"
}
install() {
  if ! command -v redis-server >/dev/null || ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || [ ! -e /usr/include/postgresql/libpq-fe.h ]; then
    [ "$(id -u)" = 0 ] || { echo "Install postgresql, redis-server, libpq-dev and gcc first; that needs root." >&2; exit 1; }
    step apt-packages apt_packages
  fi
  [ -x "$VENV/bin/netbox" ] || step netbox-packages netbox_packages
}

configuration() {
  local name
  for name in secret pepper; do
    [ -s "$LAB/root/$name" ] || (umask 077; "$VENV/bin/netbox" secret-key >"$LAB/root/$name")
  done
  cat >"$LAB/root/conf/configuration.py" <<PY
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "netbox", "USER": "netbox",
                         "HOST": "127.0.0.1", "PORT": "$PG_PORT", "CONN_MAX_AGE": 300}}
REDIS = {name: {"HOST": "127.0.0.1", "PORT": $REDIS_PORT, "USERNAME": "", "PASSWORD": "", "DATABASE": number, "SSL": False}
         for name, number in (("tasks", 0), ("caching", 1))}
SECRET_KEY = open("$LAB/root/secret").read().strip()
API_TOKEN_PEPPERS = {1: open("$LAB/root/pepper").read().strip()}
LOGIN_REQUIRED = True
CENSUS_REPORTING_ENABLED = False
RELEASE_CHECK_URL = None
ISOLATED_DEPLOYMENT = True
PY
  cat >"$LAB/root/gunicorn.py" <<PY
bind, workers, threads, timeout, preload_app, pidfile = "127.0.0.1:$NB_PORT", 1, 4, 120, True, "$RUN/web.pid"
PY
}
pg_init() {
  [ "$(id -u)" != 0 ] || chown -R nobody "$LAB/pg"
  chmod 700 "$LAB/pg"
  pg initdb -D "$PGDATA" -U netbox -A trust -E UTF8 --locale=C.UTF-8
  cat >>"$PGDATA/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = '$LAB/pg'
fsync = off
synchronous_commit = off
full_page_writes = off
CONF
}
pg_start() { pg pg_ctl -D "$PGDATA" -l "$LAB/pg/log" -w start; head -1 "$PGDATA/postmaster.pid" >"$RUN/pg.pid"; }
redis_start() {
  redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save '' --appendonly no --daemonize yes \
    --dir "$LAB/redis" --pidfile "$RUN/redis.pid" --logfile "$LOG/redis-server.log"
  for _ in $(seq 50); do alive redis && return; sleep .1; done; return 1
}
migrate() { "$VENV/bin/netbox" migrate --no-input; }
dump() { # not by root: the server's user owns the programs' working folder
  pg pg_dump -h 127.0.0.1 -p "$PG_PORT" -U netbox -Fc --no-owner netbox >"$DUMP.new" && mv "$DUMP.new" "$DUMP"
}
restore() { pg pg_restore -h 127.0.0.1 -p "$PG_PORT" -U netbox --no-owner -d netbox <"$DUMP"; }
superuser() { DJANGO_SETTINGS_MODULE=netbox.settings "$VENV/bin/python" - <<'PY'
import secrets, os, pathlib, django
django.setup()
from users.models import Token, User
admin, _ = User.objects.get_or_create(username="admin", defaults={"is_superuser": True})
token = Token(user=admin, version=2, write_enabled=True)
token.save()
path = pathlib.Path(os.environ["NETBOX_ROOT"]) / "token"
path.touch(mode=0o600)
path.write_text(f"nbt_{token.key}.{token.token}\n")
PY
}
web_start() {
  setsid -f "$VENV/bin/gunicorn" -c "$LAB/root/gunicorn.py" netbox.wsgi >"$LOG/gunicorn.log" 2>&1 </dev/null
  for _ in $(seq 600); do answers && return; sleep .2; done; return 1
}
answers() { "$VENV/bin/python" - <<PY
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:$NB_PORT/api/status/", timeout=20)
except urllib.error.HTTPError as error:
    sys.exit(error.code not in (200, 403))
except OSError:
    sys.exit(1)
PY
}
worker_start() { # sends the webhooks
  setsid -f "$VENV/bin/netbox" rqworker high default low >"$LOG/rqworker.log" 2>&1 </dev/null
  for _ in $(seq 600); do grep -q 'Listening on' "$LOG/rqworker.log" && break; sleep .2; done
  pgrep -f "^$VENV/bin/python.* $VENV/bin/netbox rqworker" | head -1 >"$RUN/worker.pid"
}
start() {
  install
  [ -s "$PGDATA/PG_VERSION" ] || step pg-init pg_init
  alive pg || step pg-start pg_start
  alive redis || step redis-start redis_start
  configuration
  [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'netbox'")" = 1 ] || sql postgres "CREATE DATABASE netbox"
  if [ "$(cat "$RUN/migrated" 2>/dev/null)" != "$NETBOX_VERSION" ]; then
    if [ -s "$DUMP" ]; then step restore restore; else step migrate migrate; step dump dump; fi
    echo "$NETBOX_VERSION" >"$RUN/migrated"
  fi
  [ -s "$LAB/root/token" ] || step superuser superuser
  alive web || step web-start web_start
  alive worker || step worker-start worker_start
  echo "NetBox $NETBOX_VERSION answers at http://127.0.0.1:$NB_PORT; the token is in $LAB/root/token."
}
stop_one() {
  alive "$1" || return 0
  local pid; pid=$(head -1 "$RUN/$1.pid"); kill -TERM "$pid"
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep .1; done
  rm -f "$RUN/$1.pid"
}
stop() { for name in worker web redis; do stop_one $name; done; if alive pg; then pg pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null; rm -f "$RUN/pg.pid"; fi; }

case "${1:-}" in
  install) install ;;
  start) start ;;
  stop) stop ;;
  status) for name in pg redis web worker; do if alive $name; then echo "$name runs"; else echo "$name is down"; fi; done ;;
  times) cat "$LAB/times.tsv" ;;
  destroy) stop; rm -rf "$LAB/pg" "$LAB/redis" "$LAB/run" "$LAB/root" ;;
  *) sed -n 2,8p "$0"; exit 2 ;;
esac
