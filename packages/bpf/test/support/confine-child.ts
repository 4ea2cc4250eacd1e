/** Gives up its privileges and then tries to have them, in its main thread and in a worker: `confine-child.ts OBJECT CAPABILITY…`. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { BpfObject, giveUpPrivileges } from '../../src/index.ts';
import { isNativeError, native } from '../../src/native.ts';

const bytes = readFileSync(process.argv[2]!);

/** What becomes of each try: `done`, or the errno. */
async function tries(): Promise<Record<string, string | number>> {
  const result = (error: unknown) => (isNativeError(error) ? error.errno : String(error));
  const of = (work: () => unknown): string | number => {
    try {
      work();
      return 'done';
    } catch (error) {
      return result(error);
    }
  };
  const object = BpfObject.open(bytes, { name: 'late' });
  const load = await object.load().then(
    () => 'done',
    (error: { errno?: number }) => error.errno ?? String(error),
  );
  object.close();
  return {
    load,
    // PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, of this thread.
    perf: of(() => native().fdClose(native().perfOpen(1, 0, 1000, false, false, 0, 0, -1))),
    stats: of(() => native().fdClose(native().statsEnable())),
  };
}

if (isMainThread) {
  const object = BpfObject.open(bytes, { name: 'early' });
  await object.load();
  // A thread that is there already, and one that is made afterwards.
  const early = new Worker(import.meta.filename, { argv: process.argv.slice(2) });
  await new Promise((resolve) => early.once('message', resolve));
  const before = await tries();
  giveUpPrivileges(process.argv.slice(3));
  const answer = (worker: Worker) =>
    new Promise((resolve) => {
      worker.on('message', (what) => (what === 'ready' ? worker.postMessage('try') : resolve(what)));
    });
  const asked = answer(early);
  early.postMessage('try');
  const late = new Worker(import.meta.filename, { argv: process.argv.slice(2) });
  const inWorkers = await Promise.all([asked, answer(late)]);
  const map = object.maps.find((m) => m.type === 'hash')!;
  const caps = readdirSync('/proc/self/task').map((tid) => {
    const status = readFileSync(`/proc/self/task/${tid}/status`, 'utf8');
    return /CapPrm:\s*(\w+)\nCapEff:\s*(\w+)/.exec(status)!.slice(1).join(' ');
  });
  const child = execFileSync('perl', [
    '-ne',
    'print if /^(CapEff|NoNewPrivs|Seccomp):/',
    '/proc/self/status',
  ]);
  console.log(
    JSON.stringify({
      before,
      after: await tries(),
      inWorkers,
      caps: [...new Set(caps)],
      threads: caps.length,
      child: String(child),
      read: map.get(new Uint8Array(map.keySize)) ?? null,
    }),
  );
  for (const worker of [early, late]) await worker.terminate();
} else {
  parentPort!.on('message', () => void tries().then((what) => parentPort!.postMessage(what)));
  parentPort!.postMessage('ready');
}
