#!/usr/bin/env bash
# Where do other people's servers live, and a spam filter? In .interop/room, a small root folder that the tests enter by chroot.
#
# Debian's Postfix, Exim and OpenSMTPD shut each other out as packages, so nothing is installed: the packages are
# downloaded and unpacked side by side. Each server finds its compiled-in paths and its own user inside the room; no
# user is made, no file written and no service started outside it. Run again, it does nothing until this file changes.
set -euo pipefail
cd "$(dirname "$0")/../.."

servers=(postfix exim4-daemon-light opensmtpd opendkim)
beside=(exim4-base sasl2-bin libsasl2-modules libsasl2-modules-db)
home=$PWD/.interop
room=$home/room
stamp=$room/.made-by-$(sha256sum tests/interop/install.sh | cut -c1-16)

stop() {
    echo "interop: $1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || stop "The servers need root (they open chroots and change users); run it as root or in a container."
# What runs that were killed left behind.
[ ! -d "$home" ] || find "$home" -maxdepth 1 -name 'run-*' -mmin +60 -exec rm -rf {} +
[ -e "$stamp" ] && exit 0
command -v apt-get > /dev/null || stop "The servers are unpacked from Debian's packages, and there is no apt-get here; use Debian or Ubuntu."

export DEBIAN_FRONTEND=noninteractive
log=$home/install.log
new=$home/room.new
rm -rf "$new" "$room"
mkdir -p -m 700 "$home"  # Exim is setuid in there, as Debian ships it
mkdir -p "$new" "$home/packages"

# What apt would install with each server; of that, libraries are unpacked too. What apt finds here is copied below.
packages() {
    local server
    printf '%s\n' "${servers[@]}" "${beside[@]}"
    for server in "${servers[@]}" sasl2-bin; do
        apt-get install --simulate --no-install-recommends "$server" 2>> "$log" | awk '/^Inst lib/ { print $2 }'
    done
    # SpamAssassin is Perl, whose modules nothing finds on this machine: all of them, as where nothing is installed yet.
    apt-get install --simulate --no-install-recommends --option Dir::State::status=/dev/null spamassassin 2>> "$log" \
        | awk '$1 == "Inst" && $2 ~ /perl|^spamassassin$/ { print $2 }'
}

apt-get update --quiet > "$log" 2>&1 || stop "apt-get update failed; .interop/install.log says why."
packages | sort -u > "$home/packages.txt"
(
    cd "$home/packages"
    rm -f -- *.deb
    xargs apt-get download --quiet < "$home/packages.txt" >> "$log" 2>&1
) || stop "apt-get could not download the servers; .interop/install.log says why."
for package in "$home"/packages/*.deb; do
    dpkg -x "$package" "$new"
done
rm -rf "$home/packages" "$new"/usr/share/{doc,man,locale,lintian,bug,doc-base} "$new"/etc/{init.d,logrotate.d,cron.daily}

# The libraries that are on this machine already, and the loader: the room has to do without the rest of it.
# ldd's own exit code says only that some of the files are scripts.
libraries=$(find "$new" -type d -name '*-linux-gnu*' -printf '%p:')$new/usr/lib/postfix
find "$new" -type f \( -perm -u+x -o -name '*.so*' \) > "$home/files.txt"
{ LD_LIBRARY_PATH=$libraries xargs ldd < "$home/files.txt" 2>> "$log" || true; } \
    | grep -oE '/[^ ]+' | grep -v -e "^$new" -e ':$' | sort -u > "$home/copied.txt"
while read -r library; do
    [ -e "$new$library" ] || [ -L "$new$library" ] || cp --dereference --parents --target-directory="$new" "$library"
done < "$home/copied.txt"

mkdir -p "$new"/dev "$new"/run "$new"/tmp "$new"/var/log "$new"/var/spool
[ -e "$new/var/run" ] || ln -s /run "$new/var/run"
chmod 1777 "$new/tmp"
mknod -m 666 "$new/dev/null" c 1 3
mknod -m 666 "$new/dev/urandom" c 1 9

# Who lives there: a user for each server, none with a password or a shell.
cat > "$new/etc/passwd" << 'END'
root:x:0:0::/:/bin/false
mail:x:8:8::/:/bin/false
postfix:x:901:901::/var/spool/postfix:/bin/false
Debian-exim:x:902:902::/var/spool/exim4:/bin/false
opensmtpd:x:903:903::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:904:904::/var/lib/opensmtpd/empty:/bin/false
nobody:x:65534:65534::/:/bin/false
END
cat > "$new/etc/group" << 'END'
root:x:0:
mail:x:8:
postdrop:x:900:
postfix:x:901:
Debian-exim:x:902:
opensmtpd:x:903:
opensmtpq:x:904:
sasl:x:45:postfix
nogroup:x:65534:
END
printf '127.0.0.1 localhost relay.example.net\n' > "$new/etc/hosts"
printf 'passwd: files\ngroup: files\nhosts: files\nservices: files\n' > "$new/etc/nsswitch.conf"

mv "$new" "$room"
touch "$stamp"
