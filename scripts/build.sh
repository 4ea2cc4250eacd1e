#!/bin/sh
# build.sh: the native addon and the bundled command, each only when something it is made of has changed.
. "$(dirname -- "$0")/lib.sh"

# The headers that came with our Node have Node-API and libuv; the machine may have none, or another Node's.
NODE_HEADERS=$node_home/include/node sh packages/bpf/native/build.sh >&2
# What containers of `skep package` consist of beside Node.
sh scripts/system-libraries.sh >&2

if is_newer packages/cli/dist/main.js packages/*/src packages/*/package.json scripts/bundle.ts package-lock.json; then
  say 'skep'
  node scripts/bundle.ts
fi

# The agent's probes travel as objects, so that running it needs no compiler.
objects=packages/agent/build/linux-$(node -p process.arch)
if is_newer "$objects/processes.o" probes/l7 probes/http-red probes/processes packages/probe/include packages/probe/src/clang scripts/objects.ts; then
  say "the agent's probes"
  node scripts/objects.ts
fi
