#!/bin/sh
# Sees to it that the pages can be looked at by the tests (tests/pages_browser_support.py): a Chromium
# and a Chinese font. Installs Debian's packages where they are absent and this is allowed; else says
# what is missing. Playwright drives the browser found; it downloads none of its own.
set -eu

found() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

chinese() {
    command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh family)" ]
}

if found && chinese; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    found || echo "No Chromium is installed: its tests are skipped (Debian: apt-get install chromium)." >&2
    found && echo "No Chinese font is installed: widths are those of no hospital (Debian: apt-get install fonts-wqy-microhei)." >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq; then
    found || apt-get install -qq -y --no-install-recommends chromium >/dev/null || true
    chinese || apt-get install -qq -y --no-install-recommends fontconfig fonts-wqy-microhei >/dev/null || true
fi
found || echo "Chromium could not be installed: its tests are skipped." >&2
