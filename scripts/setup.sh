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
# Debian's Node trusts the certificates of the machine, Node's own builds only what they bring and are shown: behind a
# company's proxy one install would work and the next would not.
#
# install DIR FILE: what DIR/package-lock.json says; FILE comes from a package for this machine. Such a package is
# optional to npm, which passes over one that it cannot fetch without a word.
install() {
  certificates=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
  (if [ -f "$certificates" ]; then export NODE_EXTRA_CA_CERTS="$certificates"; fi && cd "$1" &&
    npm install --no-save --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 </dev/null) ||
    fail "npm install failed in $1"
  if [ ! -x "$1/node_modules/$2" ]; then
    rm -rf "$1/node_modules"
    fail "npm did not get $2 from its registry; what it says: cd $1 && npm install --no-save --loglevel=verbose"
  fi
  cp "$1/package-lock.json" "$1/node_modules/.skep-lock.json"
}

if ! installed "$root/tools/node"; then
  command -v npm >/dev/null || fail 'npm is missing: install Node 20 or later with its npm, then run this again'
  say 'Node 24 from npm'
  install "$root/tools/node" "$node_package/bin/node"
fi
if ! installed "$root"; then
  say 'npm workspaces'
  install "$root" "@esbuild/${node_package#node-}/bin/esbuild"
fi
if [ "${1:-}" = test ] && ! installed "$root/tools/node-floor"; then
  say 'the oldest Node we support, from npm'
  install "$root/tools/node-floor" "$node_package/bin/node"
fi
