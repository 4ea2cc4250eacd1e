#!/bin/sh
# packages.sh GROUP…: installs the Debian packages of these groups that are missing; says nothing when none is.
# SKEP_NO_APT=1 only lists them and fails.
. "$(dirname -- "$0")/lib.sh"

build='clang gcc libc6-dev libbpf-dev libelf-dev zlib1g-dev'
demo='docker-registry prometheus'
case $(uname -m) in
  aarch64) cross='gcc-x86-64-linux-gnu libc6-dev-amd64-cross' ;;
  *) cross='gcc-aarch64-linux-gnu libc6-dev-arm64-cross' ;;
esac
cross="$cross debian-archive-keyring"
kernel="$cross qemu-system-x86 qemu-system-arm busybox-static xz-utils bpftool"
bench='bpftrace libbpf-tools'
flora='victoria-metrics golang-1.19-go python3-venv iproute2'
test="$kernel skopeo umoci tmux chromium curl binutils apache2-utils openssl clang-16 clang-19 python3-pip victoria-metrics iproute2"
# Containers and languages whose processes packages/identity has to recognise, and a base for images; systemd-analyze judges a unit.
test="$test containerd runc podman mmdebstrap ruby php-cli systemd golang-1.19-go"

wanted=
for group in "$@"; do
  case $group in
    cross) wanted="$wanted $cross" ;;
    build) wanted="$wanted $build" ;;
    demo) wanted="$wanted $demo" ;;
    bench) wanted="$wanted $bench $kernel" ;;
    flora) wanted="$wanted $flora" ;;
    kernel) wanted="$wanted $kernel" ;;
    test) wanted="$wanted $test" ;;
    *) fail "no package group \"$group\"" ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  say "not a Debian system: taking for granted what Debian calls$wanted"
  exit 0
fi

# shellcheck disable=SC2086 # the lists are meant to be split
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $wanted 2>/dev/null | sed -n 's/^[ih]i //p' || true)
missing=
for name in $wanted; do
  case "
$installed
" in *"
$name
"*) ;; *) missing="$missing $name" ;; esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  as_root=sudo
  [ -t 0 ] || as_root='sudo -n'
fi
if [ -n "${SKEP_NO_APT:-}" ]; then
  fail "these Debian packages are missing and SKEP_NO_APT is set:$missing
  sudo apt-get install --no-install-recommends$missing"
fi
say "Debian packages to install:$missing"
if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
  fail "not root, and there is no sudo. As root: apt-get install --no-install-recommends$missing"
fi

# Debian starts a daemon when it installs one. We want the programs only: RUNLEVEL=1 keeps invoke-rc.d from
# starting them, a mask for this run keeps systemd from it, and what we brought is not enabled at the next boot.
units=
for name in $missing; do
  case $name in docker-registry | prometheus | victoria-metrics) units="$units $name.service" ;; esac
done
systemd=
[ -z "$units" ] || [ ! -d /run/systemd/system ] || systemd=yes
unmask() {
  # shellcheck disable=SC2086
  [ -z "$systemd" ] || { $as_root systemctl -q unmask --runtime $units; $as_root systemctl -q disable $units; }
}
# shellcheck disable=SC2086
[ -z "$systemd" ] || $as_root systemctl -q mask --runtime $units

$as_root apt-get -qq update >&2 || say 'apt-get update failed; going on with the lists at hand'
# shellcheck disable=SC2086
if $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -y -o Dpkg::Use-Pty=0 \
  install --no-install-recommends $missing >&2 </dev/null; then
  unmask
else
  unmask
  fail "apt-get could not install$missing"
fi
