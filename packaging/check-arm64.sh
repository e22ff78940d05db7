#!/bin/bash
# check-arm64.sh PROGRAM: runs a program built for arm64 by emulation (qemu-user-static) in a network of its own: version, configuration and
# database, then calls between the two built-in phones on every transport.
set -euo pipefail
if [ "${2:-}" != inside ]; then
	exec unshare -n "$0" "$1" inside
fi
ip link set lo up
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
arm() { qemu-aarch64-static "$program" "$@"; }
program=$1
mkdir -m 700 "$dir/data"
sed "s|@DATA_DIR@|$dir/data|" "$here/../cmd/koppelfeld/example.toml" > "$dir/koppelfeld.toml"
arm version
arm check --config "$dir/koppelfeld.toml"
qemu-aarch64-static "$program" serve --config "$dir/koppelfeld.toml" --example > "$dir/log" 2>&1 &
daemon=$!
trap 'kill $daemon 2>/dev/null || true; wait $daemon || true; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
	if grep -q msg=ready "$dir/log"; then break; fi
	kill -0 $daemon || { cat "$dir/log"; exit 1; }
	sleep 0.2
done
for transport in udp tcp tls ws; do
	echo "self-call over $transport"
	arm selfcall --config "$dir/koppelfeld.toml" --transport $transport
done
