#!/bin/sh
# lint.sh: types, then lint and format.
. "$(dirname -- "$0")/lib.sh"
tsc -p tsconfig.json
biome check --error-on-warnings .
