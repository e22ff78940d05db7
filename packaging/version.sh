#!/bin/sh
# Prints the version of the Debian package that this tree makes: that of a tag, or the next one of CHANGELOG.md with a "~", the number
# of commits and the commit, which sorts before the release and after all that was built earlier.
set -eu
cd "$(dirname "$0")/.."
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null) && [ -z "$(git status --porcelain --untracked-files=no)" ]; then
	echo "${tag#v}"
	exit
fi
next=$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)
[ -n "$next" ] || { echo "CHANGELOG.md names no version" >&2; exit 1; }
echo "$next~$(git rev-list --count HEAD)+g$(git rev-parse --short=12 HEAD)"
