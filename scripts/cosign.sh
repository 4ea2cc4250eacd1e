#!/bin/sh
# Builds the cosign that the tests exchange signatures with, into the cache, when Go is here: three minutes, once.
# Prints its path.
set -eu
version=2.6.5
dir=${XDG_CACHE_HOME:-$HOME/.cache}/skep/cosign-$version
if [ ! -x "$dir/cosign" ]; then
	command -v go >/dev/null || { echo "cosign.sh: Go is not here" >&2; exit 1; }
	GOBIN=$dir go install "github.com/sigstore/cosign/v2/cmd/cosign@v$version" >&2
fi
echo "$dir/cosign"
