#!/bin/sh
# The C and C++ libraries that Node needs, into packages/cli/build/linux-ARCH: `skep package` puts them into containers,
# which then run wherever there is a kernel. Does nothing when they are there. For another architecture scripts/cross.ts
# calls it with ARCH and LIBRARIES, a folder with that architecture's libraries.
set -eu
cd "$(dirname "$0")/.."
case ${ARCH:-$(uname -m)} in
  x64 | x86_64) arch=x64 loader=ld-linux-x86-64.so.2 ;;
  arm64 | aarch64) arch=arm64 loader=ld-linux-aarch64.so.1 ;;
  *) echo "system-libraries.sh: skep is built for x64 and arm64, not for ${ARCH:-$(uname -m)}" >&2 && exit 1 ;;
esac
out=packages/cli/build/linux-$arch
libraries="$loader libc.so.6 libdl.so.2 libgcc_s.so.1 libm.so.6 libpthread.so.0 libstdc++.so.6"

stale=
for lib in $libraries; do [ -e "$out/$lib" ] || stale=1; done
[ -n "$stale" ] || exit 0

mkdir -p "$out"
tmp=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
for lib in $libraries; do
  if [ -n "${LIBRARIES:-}" ]; then found=$LIBRARIES/$lib; else found=$(${CC:-cc} -print-file-name="$lib"); fi
  case $found in /*) ;; *) echo "system-libraries.sh: ${CC:-cc} does not know $lib" >&2 && exit 1 ;; esac
  cp -L "$found" "$tmp/$lib"
done
for lib in $libraries; do mv -f "$tmp/$lib" "$out/$lib"; done
