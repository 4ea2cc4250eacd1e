import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { isRunning, processId, signal } from '../src/instances/process.ts';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';

const box = new Sandbox();
after(() => box[Symbol.dispose]());
const needsRoot = { timeout: 240_000, skip: process.getuid?.() === 0 ? false : 'loading BPF needs root' };

/** The verifier refuses to write where there may be nothing. */
const refusedSource = source.replace(
  '{ pid };',
  '{ pid };\n*(__u64 *)bpf_map_lookup_elem(&counter_calls, &who) = 0;',
);

/** `skep dev`, of which every line can be waited for. */
class Dev implements AsyncDisposable {
  readonly #lines = new EventEmitter();
  readonly #child;
  readonly ended: Promise<[number | null]>;

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, [main, 'dev', ...args], {
      env: box.env,
      cwd: box.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.#child, 'close') as Promise<[number | null]>;
    for (const stream of [this.#child.stdout, this.#child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.#lines.emit('line', line));
  }

  /** The next line that fits. */
  line(wanted: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const seen: string[] = [];
    const look = (line: string) => {
      seen.push(line);
      if (!wanted.test(line)) return;
      this.#lines.off('line', look);
      resolve(line);
    };
    this.#lines.on('line', look);
    this.ended.then(() => reject(new Error(`no ${wanted} in: ${seen.join('\n')}`)), reject);
    return promise;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }
}

/** As editors do: a new file in the place of the old one. */
function save(name: string, content: string): void {
  writeFileSync(box.path('p', `.${name}.new`), content);
  renameSync(box.path('p', `.${name}.new`), box.path('p', name));
}

test('dev: a save is built and loaded; what is wrong is shown, and what ran goes on', needsRoot, async () => {
  mkdirSync(box.path('p'));
  writeFileSync(box.path('p/skep.yaml'), 'name: watched\nsources: [calls.c]\n');
  save('calls.c', source);
  await using dev = new Dev('p', '--set', `target_pid=${process.pid}`, '--no-prom');
  const calling = setInterval(() => process.umask(0o22), 5);
  try {
    await dev.line(/"map":"print_events"/);

    const complained = Promise.all([dev.line(/calls\.c:1:\d+: error/), dev.line(/what ran before goes on/)]);
    save('calls.c', `int oops(;\n${source}`);
    await complained;
    await dev.line(/"map":"print_events"/);

    const refused = dev.line(/watched:dev does not load; what ran before goes on/);
    save('calls.c', refusedSource);
    await refused;
    await dev.line(/"map":"print_events"/);

    const renamed = dev.line(/"map":"print_renamed"/);
    save('calls.c', source.replaceAll('print_events', 'print_renamed'));
    await renamed;
  } finally {
    clearInterval(calling);
  }
  dev.kill('SIGINT');
  assert.deepEqual((await dev.ended)[0], 0);
});

test(
  'dev: what turns out only when it is run puts back what ran before, which ends with it',
  needsRoot,
  async () => {
    save('calls.c', source);
    await using dev = new Dev('p', '--target-pid', `${process.pid}`, '--no-prom');
    const calling = setInterval(() => process.umask(0o22), 5);
    try {
      await dev.line(/"map":"print_events"/);
      const again = dev.line(/what ran before is started again/);
      save('calls.c', refusedSource);
      await again;
      await dev.line(/"map":"print_events"/);
      const [child] = readFileSync(`/proc/${dev.pid}/task/${dev.pid}/children`, 'utf8').trim().split(' ');
      const tied = processId(Number(child));
      dev.kill('SIGKILL');
      // Its output is the child's too: closed when both are gone.
      await Promise.race([dev.ended, new Promise((resolve) => setTimeout(resolve, 60_000).unref())]);
      // A process closes what it has open some moments before it is gone.
      for (const until = Date.now() + 60_000; isRunning(tied) && Date.now() < until; )
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(!signal(tied, 'SIGKILL'), 'what it had started went with it');
    } finally {
      clearInterval(calling);
    }
  },
);

test('dev: a file may be called anything', needsRoot, async () => {
  writeFileSync(box.path('Mein Möhren--Probe.bpf.c'), source);
  await using dev = new Dev('Mein Möhren--Probe.bpf.c', '--no-prom', '--set', `target_pid=${process.pid}`);
  await dev.line(/^mein_mohren--probe:dev: sha256:\w+ started/);
});

test('dev: what is nothing to build is said, and ends it', async () => {
  await box.fails(2, /"nothing" is neither a folder nor a \.c file/, ['dev', 'nothing']);
  mkdirSync(box.path('empty'));
  await box.fails(2, /the folder empty has no skep\.yaml/, ['dev', 'empty']);
});
