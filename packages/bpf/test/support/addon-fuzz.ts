import { setImmediate as turn } from 'node:timers/promises';
import { type Native, native } from '../../src/native.ts';
import { compileBpf } from './clang.ts';

// Calls the addon's functions with what they do not expect, in a process of its own: argv is a seed and a count of
// calls. That it ends by itself is the test; it prints how many calls answered and how many threw.

/** Arguments by letter; capital M is a buffer that the kernel fills: its size is the caller's affair. */
const shapes: Partial<Record<keyof Native, string>> = {
  objectOpen: 'btt',
  objectDescribe: 'o',
  objectLoad: 'ox',
  objectClose: 'o',
  mapConfigure: 'ontn',
  mapReuse: 'onn',
  mapInitialWrite: 'onnb',
  programConfigure: 'ontn',
  programTarget: 'ont',
  attach: 'onktttnnxgx',
  linkFd: 'l',
  linkClose: 'l',
  linksClose: 'L',
  mapLookup: 'nMMnx',
  mapUpdate: 'nMMn',
  mapDelete: 'nM',
  mapNextKey: 'nMM',
  mapCreate: 'ntnnnn',
  mapInfo: 'n',
  objPin: 'nt',
  objGet: 't',
  programInfo: 'n',
  programTestRun: 'nbbnnb',
  programLoad: 'nnbtn',
  rawTracepointOpen: 'tn',
  linkCreate: 'nnnn',
  kprobeMultiOpen: 'nt',
  iteratorCreate: 'n',
  kprobeMultiLink: 'nbnn',
  uprobeMultiLink: 'ntbnnn',
  netfilterLink: 'nnnn',
  linkMissed: 'n',
  linkInfo: 'n',
  nextId: 'nn',
  programMaps: 'n',
  tokenCreate: 'n',
  packetSocket: 'nn',
  ringMap: 'nn',
  perfMap: 'bn',
  memoryClose: 'm',
  perfOpen: 'nnnxxnnn',
  perfEnable: 'n',
  perfLost: 'd',
  epollOf: 'b',
  pollNew: 'nf',
  pollSet: 'px',
  pollClose: 'p',
  probeProgram: 'n',
  probeMap: 'n',
  probeHelper: 'nn',
  kernelBtfId: 'tn',
  kernelTypeId: 'tn',
  readDetached: 'tt',
  sleptNs: '',
  interfaceIndex: 't',
  kernelTypesAhead: '',
  kernelTypesDrop: '',
  kernelPrototype: 'tn',
  releaseMemory: '',
};

let state = Number(process.argv[2]);
const random = (below: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const one = <T>(of: readonly T[]): T => of[random(of.length)]!;

const n = native();
// Attached or not, it does nothing.
const { bytes: elf } = compileBpf(
  `#define SEC(n) __attribute__((section(n), used))
   char L[] SEC("license") = "GPL"; const volatile int c = 1; int b;
   struct { int (*type)[1], *key, (*max_entries)[4]; long *value; } h SEC(".maps");
   SEC("tp/syscalls/sys_enter_getpriority") int p(void *ctx) { b++; return c; }
   SEC("raw_tp") int q(void *ctx) { return (long)&h != 0; }`,
);
const [fresh, loaded, closed] = [0, 1, 2].map(() => n.objectOpen(elf, 'fuzz', null));
await n.objectLoad(loaded!, false);
n.objectClose(closed!);
const ring = n.mapCreate(27, null, 0, 0, 65536, 0);
const hash = n.mapCreate(1, null, 4, 8, 64, 0);
const detached = new Uint8Array(64);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
const objects = [fresh!, loaded!, closed!];
const links = [n.attach(loaded!, 0, 'auto', null, null, null, 0, 0, false, 0n, false)];
const memories = [n.ringMap(ring, 65536).handle];
const polls = [n.pollNew(ring, () => {})];
const numbers = [0, 1, 2, 8, 27, 64, 4095, 4096, 65536, 999, -1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, 0.5];
numbers.push(-(2 ** 31), Number.NaN, Number.POSITIVE_INFINITY, ring, hash);
const texts = [
  '',
  'x',
  'maxEntries',
  'valueSize',
  'autoload',
  'logLevel',
  'a'.repeat(5000),
  '%s%n',
  '\0',
  'task',
];
const kinds = [
  'auto',
  'tracepoint',
  'kprobe',
  'uprobe',
  'usdt',
  'raw_tracepoint',
  'trace',
  'perf_event',
  'xdp',
  '?',
];

const right: Record<string, () => unknown> = {
  o: () => one(objects),
  l: () => one(links),
  L: () => [one(links), one([...links, 5, fresh])],
  m: () => one(memories),
  p: () => one(polls),
  n: () => one(numbers),
  // It reads: from standard input that would be for ever.
  d: () => one([999, -1, 2 ** 32, 0.5, ring, hash]),
  t: () => one([...texts, null]),
  k: () => one(kinds),
  b: () => one([new Uint8Array(0), new Uint8Array(64), detached, elf, null]),
  M: () => new Uint8Array(65536),
  x: () => random(2) === 0,
  g: () => one([0n, -1n, 1n << 70n]),
  f: () => () => {},
};
const wrong = [
  undefined,
  null,
  {},
  [],
  () => {},
  Symbol('s'),
  new Float64Array(2),
  new ArrayBuffer(8),
  'x',
  7n,
  true,
];

const unnamed = Object.keys(n).filter((k) => typeof n[k as keyof Native] === 'function' && !(k in shapes));
let answered = 0;
let thrown = 0;
for (let i = 0; i < Number(process.argv[3]); i++) {
  const [name, shape] = one(Object.entries(shapes));
  let args = [...shape].map((c) => (random(6) === 0 && c !== 'M' ? one(wrong) : right[c]!()));
  if (random(20) === 0) args = args.slice(0, random(args.length + 1));
  // Not repeated for seconds.
  if (name === 'programTestRun') args[3] = 1;
  try {
    const got = await (n[name as keyof Native] as (...a: unknown[]) => unknown)(...args);
    answered++;
    if (name === 'attach') n.linkClose(got as (typeof links)[0]);
    else if (name === 'pollNew') n.pollClose(got as (typeof polls)[0]);
    else if (/Map$/.test(name)) n.memoryClose((got as { handle: (typeof memories)[0] }).handle);
    else if (/Create$|Open$|Load$|Get$|Link$|Socket$|epollOf/.test(name) && typeof got === 'number')
      n.fdClose(got);
  } catch (e) {
    if (!(e instanceof Error)) throw e;
    thrown++;
  }
  if (i % 500 === 0) await turn();
}
console.log(JSON.stringify({ answered, thrown, unnamed }));
