#!/bin/sh
# check-keys.sh BINARY: fails when the program trusts the key of development, and says so when it trusts no key of the publisher.
set -eu
keys=$(dirname "$0")/../internal/licence/keys
development=$(sed -n 's/.*"public": "\(.*\)".*/\1/p' "$keys/development.json")
[ -n "$development" ] || { echo "check-keys.sh: the key of development is not found" >&2; exit 1; }
# Files are embedded as they are.
if grep -qF -e "$development" "$1"; then
	echo "check-keys.sh: $1 trusts the key of development: it was built with the tag devlicence" >&2
	exit 1
fi
note=$(sed -n 's/.*"\(Public keys whose licences[^"]*\)".*/\1/p' "$keys/publisher.json")
grep -qF -e "$note" "$1" || { echo "check-keys.sh: $1 has no list of the publisher's keys" >&2; exit 1; }
grep -q '"public"' "$keys/publisher.json" || echo "check-keys.sh: warning: the publisher has made no key yet; this package can be tried and accepts no licence" >&2
