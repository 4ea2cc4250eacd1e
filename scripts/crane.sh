#!/bin/sh
# Builds the crane that `make bench` compares registries' work with, into the cache, when Go is here: a minute, once.
# Prints its path.
set -eu
version=0.22.1
dir=${XDG_CACHE_HOME:-$HOME/.cache}/skep/crane-$version
if [ ! -x "$dir/crane" ]; then
	command -v go >/dev/null || { echo "crane.sh: Go is not here" >&2; exit 1; }
	GOBIN=$dir go install -p 1 "github.com/google/go-containerregistry/cmd/crane@v$version" >&2
fi
echo "$dir/crane"
