#!/bin/sh
# apt-repo.sh REPOSITORY SUITE DEB...: puts packages into a suite (koppelfeld-5, koppelfeld-4.5) of a signed repository, which is made when
# it is not there. REPOSITORY is what a web server publishes: dists/, pool/, the public key koppelfeld.gpg and a .sources file for each
# suite. REPOSITORY.work has the database, and the key when none is given.
#
# SIGN_KEY names the key (fingerprint or address) in the caller's GnuPG; without it a key for tests is made. URI is where the repository
# will be found.
set -eu
repo=$1
suite=$2
shift 2
work=$repo.work
mkdir -p "$repo" "$work/conf"
repo=$(cd "$repo" && pwd)
work=$(cd "$work" && pwd)
if [ -z "${SIGN_KEY:-}" ]; then
	GNUPGHOME=$work/key
	export GNUPGHOME
	if [ ! -d "$GNUPGHOME" ]; then
		mkdir -m 700 "$GNUPGHOME"
		gpg --batch --quiet --passphrase '' --quick-gen-key 'Koppelfeld test archive <test@koppelfeld.example>' ed25519 sign 1y
	fi
	SIGN_KEY=test@koppelfeld.example
	trap 'gpgconf --kill gpg-agent' EXIT
fi
key=$(gpg --batch --with-colons --list-secret-keys "$SIGN_KEY" | sed -n 's/^fpr:*\([0-9A-F]*\):*$/\1/p' | head -n 1)
[ -n "$key" ] || { echo "no secret key for $SIGN_KEY" >&2; exit 1; }
: > "$work/conf/distributions"
for s in koppelfeld-4.5 koppelfeld-5; do
	cat >> "$work/conf/distributions" <<END
Origin: Koppelfeld
Label: Koppelfeld
Suite: $s
Codename: $s
Architectures: amd64 arm64
Components: main
SignWith: $key

END
done
reprepro --silent -b "$work" --outdir "$repo" export
for deb; do
	reprepro --silent -b "$work" --outdir "$repo" includedeb "$suite" "$deb"
done
gpg --batch --yes --export --output "$repo/koppelfeld.gpg" "$key"
for s in koppelfeld-4.5 koppelfeld-5; do
	cat > "$repo/$s.sources" <<END
Types: deb
URIs: ${URI:-file:/srv/koppelfeld}
Suites: $s
Components: main
Signed-By: /usr/share/keyrings/koppelfeld.gpg
END
done
chmod -R a+rX "$repo"
