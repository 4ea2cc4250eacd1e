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
else
  # The tests of the command run what was built of it.
  sh scripts/build.sh
fi

# Node keeps what it made of our sources: each test file is a process, and each would take out the types anew.
export NODE_COMPILE_CACHE="$PWD/build/compile-cache"

before=$(left)
status=0
if [ $# -eq 0 ]; then
  # test/kernels/kernels.test.ts runs the *.kernel.test.ts, here and on other kernels. It takes longest: first, which it is
  # by its absolute name, since Node sorts them.
  # shellcheck disable=SC2046 # a list of names without spaces
  set -- "$PWD/test/kernels/kernels.test.ts" $(find packages/*/test probes test -name '*.test.ts' \
    ! -name '*.kernel.test.ts' ! -name kernels.test.ts | sort)
fi
# A small machine has two processors, and an emulated kernel wants both. A test that hangs is named when its time is up.
timeout --foreground -s INT -k 60 "${SKEP_TEST_SECONDS:-2700}" node --test --test-concurrency=2 "$@" || status=$?
# What somebody else's skep had here and has taken away is none of ours.
new=$(left | while read -r path; do
  case "
$before
" in *"
$path
"*) ;; *) printf '%s\n' "$path" ;; esac
done)
if [ -n "$new" ]; then
  printf 'tests left something behind:\n%s\n' "$new" >&2
  [ "$status" != 0 ] || status=1
fi
exit "$status"
