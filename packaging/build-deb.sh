#!/bin/sh
# build-deb.sh OUT ARCHITECTURE...: builds the Debian package from the files of this tree that git knows and from the built pages,
# into the folder OUT. The same commit makes the same bytes. VERSION overrides the package's version.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
version=${VERSION:-$("$top/packaging/version.sh")}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
src=$stage/koppelfeld
mkdir "$src"
cd "$top"
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' - |
	tar --null -T - -cf - | tar -C "$src" -xf -
[ -f admin/ui/dist/app/index.html ] || { echo "the pages are not built: make pages" >&2; exit 1; }
mkdir -p "$src/admin/ui/dist"
cp -a admin/ui/dist/app "$src/admin/ui/dist/"
cp -aL packaging/debian "$src/debian" # links to ../systemd are followed
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
packaging/notices.sh > "$src/debian/NOTICES"
cat > "$src/debian/changelog" <<END
koppelfeld ($version) unstable; urgency=medium

  * See NEWS.md.

 -- Koppelfeld <packages@koppelfeld.example>  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
# Whatever is older would keep its time, which is that of a checkout.
find "$src" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
cd "$src"
for arch; do
	# -d: Go does not come from a package. A target that was built before is made anew.
	dpkg-buildpackage --build=binary --host-arch="$arch" --unsigned-changes --unsigned-buildinfo --no-check-builddeps
done
mv "$stage"/*.deb "$stage"/*.changes "$stage"/*.buildinfo "$out/"
