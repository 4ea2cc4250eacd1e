import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * Files that take a minute or more of an emulated machine, most of it starting Node. `make test` runs them on the host
 * only; `make test-kernel` in the guest as well.
 */
const long: readonly RegExp[] = [
  /^test\/corpus\//,
  /^probes\/http-red\/services\./,
  /^probes\/processes\//,
  /^packages\/agent\//,
  /^test\/check\/truth\./,
  /^packages\/runtime\/test\/(json|lifecycle)\./,
  /^packages\/bpf\/test\/core-relo\./,
  // Each test is a process of its own, since privileges do not come back.
  /^packages\/(bpf|runtime)\/test\/confined?\./,
];

/** The test files that need a kernel, relative to the checkout: `*.kernel.test.ts`. They run on the host too. */
export function kernelTests(): string[] {
  const places = ['packages/*/test/**', 'probes/**', 'test/**'];
  return globSync(
    places.map((p) => `${p}/*.kernel.test.ts`),
    { cwd: root },
  ).sort();
}

/** Where kernels differ: features, hooks and their ladders, what check says of them, what is lost and missed. */
const core: readonly RegExp[] = [
  /^test\/kernels\//,
  /^test\/check\/objects\./,
  /^packages\/bpf\/test\/hooks\./,
  /^packages\/runtime\/test\/(ladder|targets)\//,
  /^packages\/runtime\/test\/(exact|losses|misses)\./,
  /^probes\/(rungs|http-red\/http-red)\./,
];

/** What a newer kernel may break beside that: the addon, and each probe of the catalogue. */
const more: readonly RegExp[] = [/^packages\/bpf\//, /^probes\//];

/** How much of it a guest runs: everything, what a newer kernel may break, or only that in which kernels differ. */
export type Part = 'all' | 'more' | 'core';

/** Those that a guest runs: all with `SKEP_LONG=1`, else without the long ones, and of these a part. */
export function guestTests(part: Part = 'all'): string[] {
  const all = kernelTests();
  if (process.env.SKEP_LONG === '1') return all;
  const short = all.filter((file) => !long.some((l) => l.test(file)));
  const wanted = { all: [/./], more: [...core, ...more], core }[part];
  return short.filter((file) => wanted.some((w) => w.test(file)));
}
