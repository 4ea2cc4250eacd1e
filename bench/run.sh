#!/bin/sh
# run.sh [CASE…]: all benchmarks, or those named; see README.md.
. "$(dirname -- "$0")/../scripts/lib.sh"
[ "$(id -u)" = 0 ] || fail 'benchmarks load BPF programs: sudo make bench'
exec node bench/run.ts "$@"
