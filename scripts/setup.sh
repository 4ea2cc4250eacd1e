#!/bin/sh
# setup.sh [test]: Node 24 (tools/node) and the npm workspaces, for tests also the oldest Node we support
# (tools/node-floor), each only when its lock file has changed.
. "$(dirname -- "$0")/lib.sh"

# installed DIR: whether DIR/node_modules holds what DIR/package-lock.json says. npm writes its own record of
# what it installed after the lock file; our copy of the lock covers a lock file whose time alone changed.
installed() {
  [ -f "$1/node_modules/.package-lock.json" ] || return 1
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] ||
    cmp -s "$1/package-lock.json" "$1/node_modules/.skep-lock.json"
}

# "npm install --no-save" keeps to the versions and hashes of the lock file as "npm ci" does, but does not insist
# that every package for some other platform (biome has eight) is known to the registry at hand.
# Debian's Node trusts the certificates of the machine, Node's own build only with NODE_USE_SYSTEM_CA: behind a company's
# proxy the first install would work and the second would not.
install() {
  (export NODE_USE_SYSTEM_CA="${NODE_USE_SYSTEM_CA:-1}" && cd "$1" &&
    npm install --no-save --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 </dev/null) ||
    fail "npm install failed in $1"
  cp "$1/package-lock.json" "$1/node_modules/.skep-lock.json"
}

if ! installed "$root/tools/node"; then
  command -v npm >/dev/null || fail 'npm is missing: install Node 20 or later with its npm, then run this again'
  say 'Node 24 from npm'
  install "$root/tools/node"
fi
if ! installed "$root"; then
  say 'npm workspaces'
  install "$root"
fi
if [ "${1:-}" = test ] && ! installed "$root/tools/node-floor"; then
  say 'the oldest Node we support, from npm'
  install "$root/tools/node-floor"
fi
