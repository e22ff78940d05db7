#!/bin/sh
# build.sh OUT [VERSION]: builds the two packages of the 4.5 fixture into the folder OUT. The same sources make the same bytes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=${2:-4.5.0.10}
mkdir -p "$1"
out=$(cd "$1" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1388534400}
export SOURCE_DATE_EPOCH
umask 022

put() { # put MODE FILE TARGET
	install -D -m "$1" "$2" "$root/$3"
}
control() { # control FOLDER: the control files of the package
	mkdir -p "$root/DEBIAN"
	sed "s/@VERSION@/$version/g" "$1/control" > "$root/DEBIAN/control"
	put 644 "$1/conffiles" DEBIAN/conffiles
	for script in postinst prerm; do
		if [ -f "$1/$script" ]; then
			put 755 "$1/$script" "DEBIAN/$script"
		fi
	done
}
build() { # build NAME
	find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group -Zgzip -b "$root" "$out/${1}_${version}_all.deb" >/dev/null
}

root=$stage/koppelfeld
control "$here/package/koppelfeld"
put 644 "$here/package/koppelfeld/upgrade.conf" etc/koppelfeld/upgrade.conf
build koppelfeld

root=$stage/server
from=$here/package/server
control "$from"
put 644 "$from/koppelfeld45.conf" etc/koppelfeld45/koppelfeld45.conf
put 644 "$from/gateways.conf" etc/koppelfeld45/gateways.conf
put 755 "$from/koppelfeld45d" usr/lib/koppelfeld45/koppelfeld45d
put 755 "$from/koppelfeld45ctl" usr/sbin/koppelfeld45ctl
put 644 "$from/koppelfeld45.service" usr/lib/systemd/system/koppelfeld45.service
put 644 "$here/schema.sql" usr/lib/koppelfeld45/schema.sql
put 644 "$here/company.sql" usr/lib/koppelfeld45/company.sql
echo "$version" > "$root/usr/lib/koppelfeld45/version"
build koppelfeld45-server
