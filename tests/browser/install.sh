#!/usr/bin/env bash
# Where does the browser come from? Debian's package; where it is installed already, nothing is done.
set -euo pipefail
cd "$(dirname "$0")/../.."

stop() {
    echo "browser: $1" >&2
    exit 1
}

[ -x /usr/bin/chromium ] && exit 0
command -v apt-get > /dev/null || stop "Chromium comes from Debian's packages, and there is no apt-get here; use Debian, or put a Chromium at /usr/bin/chromium."
[ "$(id -u)" = 0 ] || stop "Chromium is not installed; run \"apt-get install chromium\" as root, then come back."

export DEBIAN_FRONTEND=noninteractive
mkdir -p .browser
log=.browser/install.log
apt-get update --quiet > "$log" 2>&1 || stop "apt-get update failed; $log says why."
apt-get install --quiet --yes --no-install-recommends chromium fonts-dejavu-core >> "$log" 2>&1 \
    || stop "apt-get could not install chromium; $log says why."
