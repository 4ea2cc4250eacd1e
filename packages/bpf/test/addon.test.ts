import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
// The folder that the workers compile in is this thread's, which ends.
import './support/clang.ts';

const build = fileURLToPath(new URL(`../build/linux-${process.arch}/`, import.meta.url));
const kernel = new URL('./support/kernel.ts', import.meta.url).href;
const index = new URL('../src/index.ts', import.meta.url).href;
const producers = new URL('./support/producers.ts', import.meta.url).href;

/** Runs TypeScript in another process, as a crash would take this one along. */
function run(code: string, flags: string[] = []): string {
  return execFileSync(process.execPath, [...flags, '--input-type=module-typescript', '-e', code], {
    encoding: 'utf8',
  });
}

test('the addon and what it carries need no newer glibc than 2.33', () => {
  for (const file of ['skep_bpf.node', 'libbpf.so.1', 'libelf.so.1', 'libz.so.1']) {
    const symbols = execFileSync('objdump', ['-T', `${build}${file}`], { encoding: 'utf8' });
    const versions = [...symbols.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(
      (m) => Number(m[1]) * 1000 + Number(m[2]),
    );
    assert.ok(versions.length > 0);
    assert.ok(Math.max(...versions) <= 2033, `${file} needs glibc ${Math.max(...versions) / 1000}`);
  }
});

test('libbpf, libelf and libz are found beside the addon, not in the system', () => {
  const code = `
    import { readFileSync } from 'node:fs';
    import { possibleCpus, probeMapType } from ${JSON.stringify(index)};
    probeMapType('hash');
    console.log(readFileSync('/proc/self/maps', 'utf8').split('\\n').map((l) => l.split(/ +/)[5]).filter((p) => /lib(bpf|elf|z)[.-]/.test(p ?? '')).join('\\n'));`;
  const paths = new Set(run(code).trim().split('\n'));
  assert.deepEqual(
    [...paths].sort(),
    ['libbpf.so.1', 'libelf.so.1', 'libz.so.1'].map((f) => `${build}${f}`),
  );
});

test('importing the package does not load the addon', () => {
  const code = `
    import { readFileSync } from 'node:fs';
    import ${JSON.stringify(index)};
    console.log(readFileSync('/proc/self/maps', 'utf8').includes('skep_bpf.node'));`;
  assert.equal(run(code).trim(), 'false');
});

test('handles that are dropped instead of closed are collected, their memory too', () => {
  const code = `
    import { readFileSync } from 'node:fs';
    import { openSource, openFds, u64 } from ${JSON.stringify(kernel)};
    import { openRingBuffer, Poller } from ${JSON.stringify(index)};
    import { producers } from ${JSON.stringify(producers)};
    const rings = () => readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((l) => l.includes('bpf-map')).length;
    const round = async () => {
      const object = openSource(producers);
      await object.load();
      const reader = openRingBuffer(object.map('ring'));
      object.program('fill_ring').testRun({ context: u64(10) });
      // the callback refers to what it is called for, as it will
      const poller = new Poller(reader.fd, () => poller.stop());
      poller.start();
      poller.stop();
      return reader.drain(() => {});
    };
    await round(); gc(); await new Promise((r) => setImmediate(r));
    const fds = openFds();
    for (let i = 0; i < 20; i++) await round();
    for (let i = 0; i < 10; i++) { gc(); await new Promise((r) => setTimeout(r, 5)); }
    console.log(JSON.stringify({ fds: openFds() - fds, rings: rings() }));`;
  const left = JSON.parse(run(code, ['--expose-gc'])) as { fds: number; rings: number };
  assert.ok(left.fds <= 0, `${left.fds} descriptors`);
  assert.equal(left.rings, 0);
});

test('a worker thread can use it and end in the middle of everything', async () => {
  const code = `
    const { openSource, u64 } = await import(${JSON.stringify(kernel)});
    const { openRingBuffer, Poller } = await import(${JSON.stringify(index)});
    const { producers } = await import(${JSON.stringify(producers)});
    const { parentPort } = await import('node:worker_threads');
    const object = openSource(producers);
    await object.load();
    const reader = openRingBuffer(object.map('ring'));
    const poller = new Poller(reader.fd, () => { parentPort.postMessage(reader.drain(() => {})); });
    poller.start();
    object.program('fill_ring').testRun({ context: u64(5) });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const seen = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(seen, 4);
  await worker.terminate();
});

test('whatever it is called with, it throws or answers, and never crashes', () => {
  const fuzz = fileURLToPath(new URL('./support/addon-fuzz.ts', import.meta.url));
  const seed = Date.now() % 2 ** 31;
  const out = execFileSync(process.execPath, ['--expose-gc', fuzz, `${seed}`, '5000'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const { answered, thrown, unnamed } = JSON.parse(out) as Record<'answered' | 'thrown' | 'unnamed', unknown>;
  assert.ok(Number(answered) > 500 && Number(thrown) > 500, `seed ${seed}: ${out}`);
  // These act on the system, on the process for good, on any descriptor or socket, on anybody's programs, or for a second;
  // batches write what the map has.
  const left = [
    'confine',
    'fdById',
    'fdClose',
    'linkFromFd',
    'mapBatch',
    'mapBatchOnPool',
    'memlock',
    'mountFs',
    'networkEnter',
    'notify',
    'statsEnable',
  ];
  left.push('tcAttach', 'tcDetach', 'vmlinuxDump');
  assert.deepEqual((unnamed as string[]).sort(), left);
});

test('an object and its links go in any order, also with a worker in the middle of it', async () => {
  const code = `
    const { native } = await import(${JSON.stringify(new URL('../src/native.ts', import.meta.url).href)});
    const { compileBpf } = await import(${JSON.stringify(new URL('./support/clang.ts', import.meta.url).href)});
    const { parentPort } = await import('node:worker_threads');
    const { readdirSync } = await import('node:fs');
    const n = native();
    const { bytes } = compileBpf('__attribute__((section("raw_tp/sched_process_exit"), used)) int p(void *c) { return 0; }');
    const fds = () => readdirSync('/proc/self/fd').length;
    const make = async () => { const o = n.objectOpen(bytes, 'order', null); await n.objectLoad(o, false); return o; };
    const attach = (o, pool) => n.attach(o, 0, 'auto', null, null, null, 0, 0, false, 0n, pool);
    await make().then(n.objectClose);
    const before = fds();
    const first = await make();
    const link = attach(first, false);
    n.objectClose(first); // the object stays for its link
    n.linkClose(link);
    const second = await make();
    const linking = attach(second, true);
    n.objectClose(second);
    await n.linksClose([await linking]);
    parentPort.postMessage(fds() - before);
    globalThis.keep = await make();
    for (;;) globalThis.link = await attach(keep, true);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const left = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(left, 0);
  await worker.terminate();
});

test('build.sh does nothing when nothing has changed', () => {
  const script = fileURLToPath(new URL('../native/build.sh', import.meta.url));
  execFileSync('sh', [script]);
  const { mtimeMs } = statSync(`${build}skep_bpf.node`);
  execFileSync('sh', [script]);
  assert.equal(statSync(`${build}skep_bpf.node`).mtimeMs, mtimeMs);
});
