# Sourced first: a place of its own for what the page of installation writes, and no network.
set -eu
HERE=$(pwd)
export HERE
ip link set lo up
if "$PYTHON" -c 'import socket; socket.create_connection(("192.0.2.1", 443), 5)' 2>/dev/null; then
    echo 'there is a network' >&2
    exit 9
fi
mount -t tmpfs tmpfs /mnt
for place in etc var usr/local; do
    above=/mnt/$(echo "$place" | tr / _)
    mkdir -p "$above/upper" "$above/work"
    mount -t overlay overlay -o "lowerdir=/$place,upperdir=$above/upper,workdir=$above/work" "/$place"
done
mount --bind "$HERE/opt" /opt
mount -t tmpfs tmpfs /run
install -m 755 "$PLAYED" /usr/local/bin/systemctl
trap 'systemctl stop grouper; cat /run/grouper.log >&2 || true' EXIT
cat >"$HERE/checks.sh" <<'SH'
set -eu
/opt/grouper/venv/bin/python - <<'PY'
import json, urllib.request
with urllib.request.urlopen("http://127.0.0.1:8790/health/ready", timeout=20) as answer:
    print("ready", json.load(answer)["status"])
with urllib.request.urlopen("http://127.0.0.1:8791/sign-in", timeout=20) as answer:
    print("pages", answer.status)
PY
install -o grouper -m 600 "$HERE/in.jsonl" /var/lib/grouper/in.jsonl
grouper group /var/lib/grouper/in.jsonl -o /var/lib/grouper/out.jsonl
/opt/grouper/venv/bin/python -c 'import json; print("group", json.load(open("/var/lib/grouper/out.jsonl"))["group"])'
[ "$(stat -c %U:%a /var/lib/grouper/grouper.sqlite)" = grouper:600 ]
# One byte of a wheel is another: nothing is installed, and what is there stays.
one=$(ls wheels/yibao*.whl)
cp "$one" "$HERE/kept.whl"
printf X | dd of="$one" bs=1 seek=5000 conv=notrunc status=none
before=$(ls /opt/grouper)
if sh install.sh /opt/grouper 2>&1 | grep -q "$one"; then :; else exit 8; fi
[ "$(ls /opt/grouper)" = "$before" ]
mv "$HERE/kept.whl" "$one"
echo changed byte refused
SH
