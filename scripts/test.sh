#!/bin/sh
# test.sh [FILE…]: types, lint and format, then every test, or these, in one run of node:test whose closing lines
# count them all. Needs the packages and the build that make.sh test brings.
. "$(dirname -- "$0")/lib.sh"

# A container or a minimal guest may come without them; a machine with systemd has them.
if [ "$(id -u)" = 0 ]; then
  [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || say 'no tracefs here'
  [ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ] || mount -t bpf bpf /sys/fs/bpf || say 'no bpffs here'
fi

left() {
  find /sys/fs/bpf /sys/fs/cgroup -maxdepth 3 -name '*skep*' 2>/dev/null | sort || true
}

if [ $# -eq 0 ]; then
  say 'types, lint, format'
  sh scripts/lint.sh
fi

before=$(left)
status=0
# The emulated kernels take both processors of a small machine for a minute: two files at a time, no more.
if [ $# -gt 0 ]; then
  node --test --test-concurrency=2 "$@" || status=$?
else
  node --test --test-concurrency=2 \
    'packages/*/test/**/*.test.ts' 'probes/**/*.test.ts' 'test/**/*.test.ts' || status=$?
fi
after=$(left)
if [ "$before" != "$after" ]; then
  printf 'tests left something behind:\n%s\n' "$after" >&2
  [ "$status" != 0 ] || status=1
fi
exit "$status"
