#!/bin/sh
# flora-setup.sh: builds what the benchmark compares, once, into ~/.cache/skep/bench-flora, at low priority: the servers in Go
# (newest and 1.19), their Node and Python twins with the libraries that watch them, the sink, k6. About ten minutes and
# 2 GB the first time; everything comes from the registries of Go, npm and PyPI by their own clients.
. "$(dirname -- "$0")/../scripts/lib.sh"
built=$cache/bench-flora
apps=$root/bench/flora/apps
mkdir -p "$built/go" "$built/node" "$built/python"
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || fail 'no go: https://go.dev/dl has one, put its bin folder on PATH'
# The Go that Debian 12 has is that of the published comparison. Its modules share a cache with the other's.
old=/usr/lib/go-1.19/bin/go
export GOFLAGS=-modcacherw

# compile GO FOLDER OUTPUT: FOLDER is a module of its own, or a package of apps/go.
compile() {
  is_newer "$built/go/$3" "$apps/go" || return 0
  say "building $3 with $($1 version | cut -d' ' -f3)"
  if [ -f "$apps/go/$2/go.mod" ]; then
    (cd "$apps/go/$2" && nice "$1" build -o "$built/go/$3" .)
  else
    (cd "$apps/go" && nice "$1" build -o "$built/go/$3" "./$2")
  fi
}

if [ ! -x "$built/k6" ]; then
  say 'building k6 1.8.1'
  GOBIN=$built nice go install go.k6.io/k6@v1.8.1
fi
compile go sink sink
compile go plain plain
compile go otel otel
compile go dd dd
compile "$old" plain plain-1.19
compile "$old" otel-1.19 otel-1.19
compile "$old" dd-1.19 dd-1.19

if is_newer "$built/node/done" "$apps/node"; then
  say 'installing the Node server'
  cp "$apps/node/package.json" "$apps/node/package-lock.json" "$apps/node/server.js" "$built/node"
  (cd "$built/node" && nice npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  touch "$built/node/done"
fi
if is_newer "$built/python/done" "$apps/python"; then
  say 'installing the Python server'
  nice python3 -m venv "$built/python"
  nice "$built/python/bin/pip" -q --disable-pip-version-check install -r "$apps/python/requirements.txt"
  cp "$apps/python/server.py" "$built/python"
  touch "$built/python/done"
fi
