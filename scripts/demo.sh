#!/bin/sh
# demo.sh: the demo needs root, for BPF and for a cgroup of its own.
. "$(dirname -- "$0")/lib.sh"

if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail 'the demo loads BPF and makes a cgroup: run it as root'
  exec sudo "PATH=$PATH" node scripts/demo.ts
fi
exec node scripts/demo.ts
