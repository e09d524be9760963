#!/bin/sh
# Sees to it that the shipped configuration of the proxy can be tried (tests/test_proxy_nginx.py).
# Installs Debian's package where it is absent and this is allowed; else says what is missing. No server
# is left running: the tests start one of their own.
set -eu

found() {
    command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]
}

if found; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "nginx is not installed: its tests are skipped (Debian: apt-get install nginx-light)." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# Nothing is started by the package.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
fi
apt-get update -qq && apt-get install -qq -y --no-install-recommends nginx-light >/dev/null || true
if [ -n "$made" ]; then
    rm -f "$policy"
fi
found || echo "nginx could not be installed: its tests are skipped." >&2
