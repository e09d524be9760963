#!/bin/sh
# Plays systemd for the page of installation: starts what the unit names, as the user that it names.
set -eu
unit=/etc/systemd/system/grouper.service

is_there() {
    [ -f /run/grouper.pid ] || return 1
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$(cat /run/grouper.pid)/status" 2>/dev/null)
    [ -n "$state" ] && [ "$state" != Z ]
}

start() {
    command=$(sed -n 's/^ExecStart=//p' $unit)
    user=$(sed -n 's/^User=//p' $unit)
    set -a
    . "$(sed -n 's/^EnvironmentFile=//p' $unit)"
    set +a
    cd "$(sed -n 's/^WorkingDirectory=//p' $unit)"
    # The process itself gets the signals, as under systemd.
    # shellcheck disable=SC2086 # words of the unit
    setsid setpriv --reuid="$user" --regid="$user" --init-groups -- $command >>/run/grouper.log 2>&1 </dev/null &
    echo $! >/run/grouper.pid
    tries=0
    until python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8790/health/ready", timeout=5); urllib.request.urlopen("http://127.0.0.1:8791/_stcore/health", timeout=5)' 2>/dev/null; do
        tries=$((tries + 1))
        if ! is_there || [ $tries -gt 240 ]; then
            echo "the service did not start" >&2
            exit 1
        fi
        sleep 0.5
    done
}

stop() {
    is_there || return 0
    kill -TERM "$(cat /run/grouper.pid)"
    while is_there; do sleep 0.2; done
}

case "$*" in
daemon-reload) [ ! -f $unit ] || grep -q '^ExecStart=' $unit ;;
'enable --now grouper grouper-backup.timer')
    [ -f /etc/systemd/system/grouper-backup.timer ] && [ -f /etc/systemd/system/grouper-backup.service ]
    start
    ;;
'start grouper') start ;;
'restart grouper') stop && start ;;
'stop grouper' | 'disable --now grouper grouper-backup.timer') stop ;;
'reload nginx') ;;
*)
    echo "not played: systemctl $*" >&2
    exit 1
    ;;
esac
