#!/bin/sh
# flora.sh [--quick] [CASE…]: the benchmark, or some cases of it, in a network namespace where only loopback is.
. "$(dirname -- "$0")/../scripts/lib.sh"
[ "$(id -u)" = 0 ] || fail 'the benchmark loads BPF programs: sudo make bench-flora'
[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
sh bench/flora-setup.sh
exec unshare --net sh -c 'ip link set lo up && exec node bench/flora/run.ts "$@"' sh "$@"
