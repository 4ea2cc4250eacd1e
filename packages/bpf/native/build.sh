#!/bin/sh
# Builds ../build/linux-ARCH/skep_bpf.node and puts the shared libraries it needs beside it. Does nothing when up to
# date. For another architecture (scripts/cross.ts calls it so): ARCH=arm64 CC=aarch64-linux-gnu-gcc LIBRARIES=DIR,
# DIR being a folder with that architecture's libbpf, libelf and libz.
#
# Debian's static libbpf is not position-independent, so the shared one is carried. DT_RPATH (not DT_RUNPATH)
# is asked for because only it also serves the libraries' own needs: libbpf finds our libelf and libz too.
# nodelete: Node unloads an addon when the worker that loaded it ends, but libuv still calls back into it.
set -eu
cd "$(dirname "$0")"
case ${ARCH:-$(uname -m)} in
  x64 | x86_64) arch=x64 ;;
  arm64 | aarch64) arch=arm64 ;;
  *) echo "build.sh: skep is built for x64 and arm64, not for ${ARCH:-$(uname -m)}" >&2 && exit 1 ;;
esac
out=../build/linux-$arch
cc=${CC:-cc}
node_headers=${NODE_HEADERS:-/usr/include/node}

stale=
for f in "$out/skep_bpf.node" "$out/libbpf.so.1" "$out/libelf.so.1" "$out/libz.so.1"; do
  [ -e "$f" ] || stale=1
done
[ -n "$stale" ] || [ -z "$(find . -newer "$out/skep_bpf.node" -type f)" ] || stale=1
[ -n "$stale" ] || exit 0

mkdir -p "$out"
tmp=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
for lib in libbpf.so.1 libelf.so.1 libz.so.1; do
  if [ -n "${LIBRARIES:-}" ]; then found=$LIBRARIES/$lib; else found=$($cc -print-file-name=$lib); fi
  cp -L "$found" "$tmp/$lib"
done
$cc -std=gnu11 -O2 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror -isystem "$node_headers" \
  -o "$tmp/skep_bpf.node" ./*.c \
  -L"$tmp" -Wl,--no-as-needed -l:libbpf.so.1 -l:libelf.so.1 -l:libz.so.1 -Wl,--as-needed \
  -Wl,-rpath,'$ORIGIN' -Wl,--disable-new-dtags -Wl,-z,nodelete -Wl,--strip-all
# each by rename, so that a process that has the old one mapped keeps it
for f in libbpf.so.1 libelf.so.1 libz.so.1 skep_bpf.node; do mv -f "$tmp/$f" "$out/$f"; done
