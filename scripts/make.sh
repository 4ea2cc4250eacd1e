#!/bin/sh
# make.sh [TARGET]: every target of the Makefile and of the npm scripts.
. "$(dirname -- "$0")/lib.sh"

case ${1:-build} in
  setup)
    sh scripts/packages.sh build
    sh scripts/setup.sh
    ;;
  build)
    sh scripts/packages.sh build
    sh scripts/setup.sh
    sh scripts/build.sh
    ;;
  demo)
    sh scripts/packages.sh build demo
    sh scripts/setup.sh
    sh scripts/build.sh
    exec sh scripts/demo.sh
    ;;
  test)
    sh scripts/packages.sh build demo test
    sh scripts/setup.sh test
    sh scripts/build.sh
    exec sh scripts/test.sh
    ;;
  test-kernel)
    sh scripts/packages.sh build kernel
    sh scripts/setup.sh
    sh scripts/build.sh
    export SKEP_KERNELS="${KERNEL:-6.1}" SKEP_LONG=1
    exec sh scripts/test.sh test/kernels/kernels.test.ts
    ;;
  lint)
    sh scripts/setup.sh
    exec sh scripts/lint.sh
    ;;
  format)
    sh scripts/setup.sh
    exec biome check --write .
    ;;
  bench)
    sh scripts/packages.sh build bench
    sh scripts/setup.sh
    sh scripts/build.sh
    # shellcheck disable=SC2086 # a list of names
    exec sh bench/run.sh ${CASES:-}
    ;;
  bench-flora)
    sh scripts/packages.sh build flora
    sh scripts/setup.sh
    sh scripts/build.sh
    # shellcheck disable=SC2086 # a list of names
    exec sh bench/flora.sh ${QUICK:+--quick} ${CASES:-}
    ;;
  pack)
    sh scripts/packages.sh build cross
    sh scripts/setup.sh
    sh scripts/build.sh
    exec node scripts/pack.ts
    ;;
  clean) rm -rf packages/*/build packages/*/dist dist build coverage ;;
  *) fail "no target \"$1\"; there are setup, build, demo, test, test-kernel, lint, format, bench, bench-flora, pack, clean" ;;
esac
