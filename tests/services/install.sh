#!/usr/bin/env bash
# Where do PostgreSQL, PgBouncer, Redis, RabbitMQ and wrong clocks come from? Debian's packages; where they are installed, nothing is done.
#
# No service is started by it: the tests start servers of their own, in temporary folders and on free ports.
set -euo pipefail
cd "$(dirname "$0")/../.."

stop() {
    echo "services: $1" >&2
    exit 1
}

there() {
    [ -x /usr/bin/faketime ] && [ -x /usr/bin/redis-server ] && [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && [ -x /usr/sbin/pgbouncer ] \
        && compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null
}

[ "$(id -u)" = 0 ] || stop "The servers run as users of their own; run it as root or in a container."
if there; then exit 0; fi
command -v apt-get > /dev/null || stop "The servers come from Debian's packages, and there is no apt-get here; use Debian or Ubuntu."

export DEBIAN_FRONTEND=noninteractive
mkdir -p .services
log=.services/install.log
# While this file says so, no package starts its service; where the machine has one already, that one is asked.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get update --quiet > "$log" 2>&1 || stop "apt-get update failed; $log says why."
apt-get install --quiet --yes --no-install-recommends faketime redis-server rabbitmq-server pgbouncer postgresql >> "$log" 2>&1 \
    || stop "apt-get could not install the servers; $log says why."
there || stop "The servers are installed, and not where Debian has them; $log says what was done."
