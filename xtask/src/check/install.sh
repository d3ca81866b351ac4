#!/bin/sh
# Installs Debian packages. No service of the machine is started, enabled or changed: what is in the way of that is put
# there before, and taken away after, also when this is interrupted. What is there already is not ours and stays.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

ours=""
clean() {
    for file in $ours; do rm -f "$file"; done
}
trap clean EXIT
trap 'exit 130' HUP INT TERM

put() { # FILE MODE TEXT
    if [ -e "$1" ]; then return; fi
    mkdir -p "$(dirname "$1")"
    ours="$ours $1"
    printf '%b' "$3" >"$1"
    chmod "$2" "$1"
}

# No package's script starts a service,
put /usr/sbin/policy-rc.d 755 '#!/bin/sh\nexit 101\n'
# PostgreSQL's makes no cluster of its own,
put /etc/postgresql-common/createcluster.d/doorlist-tests.conf 644 'create_main_cluster = false\n'
# and Postfix's asks nothing and writes no main.cf.
if ! dpkg-query --show postfix >/dev/null 2>&1 && command -v debconf-set-selections >/dev/null; then
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi
# OpenLDAP's makes no directory of its own.
if ! dpkg-query --show slapd >/dev/null 2>&1 && command -v debconf-set-selections >/dev/null; then
    echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
fi

is_service() { [ -e "/etc/init.d/$1" ] || [ -e "/lib/systemd/system/$1.service" ]; }
new=""
for service in postgresql postfix haproxy slapd smbd nmbd samba-ad-dc winbind; do
    if ! is_service "$service"; then new="$new $service"; fi
done

# --no-remove: rather fail than take the machine's own mail server away.
if ! apt-get -o DPkg::Lock::Timeout=300 --quiet --yes --no-install-recommends --no-remove install "$@"; then
    echo "Could not install: $*" >&2
    echo "If apt-get would have to remove another mail server for Postfix, run the tests in a container." >&2
    exit 1
fi

# A package's script enables its service for the next start of the machine. Nobody has chosen that for the new ones.
for service in $new; do
    if is_service "$service"; then
        update-rc.d "$service" disable || true
    fi
done
