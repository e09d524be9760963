#!/bin/sh
# Sees to it that a PostgreSQL server can be started by the tests (tests/postgres_support.py).
# Installs Debian's package where it is absent and this is allowed; else says what is missing.
# The tests make a cluster of their own: no cluster is made and no service started here.
set -eu

found() {
    command -v pg_ctl >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1
}

if found; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "PostgreSQL is not installed: its tests are skipped (Debian: apt-get install postgresql)." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql-common >/dev/null; then
    mkdir -p /etc/postgresql-common
    grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
        echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
    apt-get install -qq -y --no-install-recommends postgresql >/dev/null || true
fi
found || echo "PostgreSQL could not be installed: its tests are skipped." >&2
