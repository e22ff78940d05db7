#!/bin/sh
# Prints the licences of everything by others that is in the program: Go modules, and packages of the pages.
set -eu
cd "$(dirname "$0")/.."
print() { # NAME FOLDER
	for f in "$2"/LICEN[CS]E* "$2"/licen[cs]e* "$2"/COPYING* "$2"/NOTICE*; do
		[ -f "$f" ] || continue
		printf '%s\n%s, %s\n\n' "------------------------------------------------------------------------" "$1" "$(basename "$f")"
		cat "$f"
		echo
	done
}
echo "Koppelfeld contains work by others, under these licences."
print "Go standard library" "$(go env GOROOT)"
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}	{{.Dir}}{{end}}{{end}}' ./cmd/koppelfeld | LC_ALL=C sort -u |
	while IFS='	' read -r name dir; do print "$name" "$dir"; done
cd admin/ui
npm ls --omit=dev --all --parseable | sed 1d | LC_ALL=C sort -u | while read -r dir; do
	print "$(sed -n 's/^  "name": "\(.*\)",*/\1/p' "$dir/package.json" | head -n 1) $(sed -n 's/^  "version": "\(.*\)",*/\1/p' "$dir/package.json" | head -n 1)" "$dir"
done
