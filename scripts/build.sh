#!/bin/sh
# build.sh: the native addon and the bundled command, each only when something it is made of has changed.
. "$(dirname -- "$0")/lib.sh"

if is_newer packages/bpf/build/skep_bpf.node packages/bpf/native; then
  say 'native addon'
  sh packages/bpf/native/build.sh >&2
fi
if is_newer packages/cli/dist/main.js packages/*/src packages/*/package.json scripts/bundle.ts package-lock.json; then
  say 'skep'
  node scripts/bundle.ts
fi
