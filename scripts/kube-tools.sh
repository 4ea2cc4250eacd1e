#!/bin/sh
# kube-tools.sh: unpacks what checks Kubernetes manifests (kube-tools.txt) into the cache, once, and prints the folder. Nothing is
# installed; Debian's Python finds it there by PYTHONPATH.
. "$(dirname -- "$0")/lib.sh"

list=$root/scripts/kube-tools.txt
dir=$cache/kube-tools-$(sha256sum <"$list" | cut -c1-16)
if [ ! -d "$dir" ]; then
  mkdir -p "$cache"
  part=$dir.$$
  trap 'rm -rf "$part"' EXIT
  /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
    --only-binary :all: --require-hashes --target "$part" -r "$list" >&2 ||
    fail "pip could not fetch what $list names"
  # Somebody else may have been faster.
  mv -T "$part" "$dir" 2>/dev/null || [ -d "$dir" ] || fail "cannot write $dir"
fi
printf '%s\n' "$dir"
