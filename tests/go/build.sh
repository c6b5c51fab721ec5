#!/bin/sh
# Compiles verify_log.go to the file that is named. Go itself, or GCC's compiler for Go, which is half as large; nothing
# is downloaded: golang.org/x/mod comes from Debian's golang-golang-x-mod-dev.
set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
sources=/usr/share/gocode/src
module=golang.org/x/mod/sumdb

if command -v go >/dev/null 2>&1; then
    GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode GOCACHE="${out%/*}/cache" exec go build -o "$out" "$here/verify_log.go"
fi
compiler=$(command -v gccgo || command -v gccgo-14 || command -v gccgo-13 || command -v gccgo-12)
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
mkdir -p "$objects/$module"
for package in note tlog; do
    files=$(find "$sources/$module/$package" -maxdepth 1 -name '*.go' ! -name '*_test.go')
    # shellcheck disable=SC2086 # the names have no spaces
    "$compiler" -c -fgo-pkgpath="$module/$package" -I "$objects" -o "$objects/$module/$package.o" $files
done
"$compiler" -I "$objects" -o "$out" "$here/verify_log.go" "$objects/$module/note.o" "$objects/$module/tlog.o"
