#!/bin/sh
# Builds ../build/skep_bpf.node and puts the shared libraries it needs beside it. Does nothing when up to date.
#
# Debian's static libbpf is not position-independent, so the shared one is carried. DT_RPATH (not DT_RUNPATH)
# is asked for because only it also serves the libraries' own needs: libbpf finds our libelf and libz too.
# nodelete: Node unloads an addon when the worker that loaded it ends, but libuv still calls back into it.
set -eu
cd "$(dirname "$0")"
out=../build
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
${CC:-cc} -std=gnu11 -O2 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror -isystem "$node_headers" \
  -o "$tmp/skep_bpf.node" ./*.c \
  -Wl,--no-as-needed -lbpf -lelf -lz -Wl,--as-needed -Wl,-rpath,'$ORIGIN' -Wl,--disable-new-dtags -Wl,-z,nodelete
strip --strip-unneeded "$tmp/skep_bpf.node"
for lib in libbpf.so.1 libelf.so.1 libz.so.1; do
  cp -L "$(${CC:-cc} -print-file-name=$lib)" "$tmp/$lib"
done
# each by rename, so that a process that has the old one mapped keeps it
for f in libbpf.so.1 libelf.so.1 libz.so.1 skep_bpf.node; do mv -f "$tmp/$f" "$out/$f"; done
