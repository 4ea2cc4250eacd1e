import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { filterOf } from '../src/instances/filter.ts';
import type { Instance } from '../src/instances/folder.ts';
import { InstanceLog } from '../src/instances/log.ts';
import { logFiles } from '../src/instances/log-files.ts';
import { followLog, type LogReader, readLog } from '../src/instances/read-log.ts';
import { parseRunList } from '../src/instances/run-list.ts';

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'skep-log-'));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

class Seen implements LogReader {
  readonly lines: string[] = [];
  missing = 0;
  line(text: string): void {
    this.lines.push(text);
  }
  dropped(lines: number): void {
    this.missing += lines;
  }
}

const lineOf = (n: number): string => `{"time":"${new Date(n * 1000).toISOString()}","n":${n}}`;

function write(log: InstanceLog, from: number, to: number): void {
  for (let n = from; n < to; n++) log.write(Buffer.from(`${lineOf(n)}\n`), (e) => assert.ifError(e));
}

test('a log is bounded, and what made room is counted to the line', async () => {
  using folder = new Folder();
  const log = new InstanceLog(folder.path, { maxBytes: 1000, files: 3 });
  write(log, 0, 500);
  log.end();
  const files = logFiles(folder.path);
  assert.equal(files.length, 3);
  for (const file of files) assert.ok(statSync(join(folder.path, file)).size < 1100);
  const seen = new Seen();
  await readLog(folder.path, seen, {});
  assert.ok(seen.lines.length > 0);
  assert.equal(seen.missing, log.dropped);
  assert.equal(seen.lines.length + seen.missing, 500);
  assert.deepEqual(
    seen.lines,
    Array.from({ length: seen.lines.length }, (_, i) => lineOf(seen.missing + i)),
  );
  const last = new Seen();
  await readLog(folder.path, last, { tail: 3 });
  assert.deepEqual(last.lines, [497, 498, 499].map(lineOf));
  const since = new Seen();
  await readLog(folder.path, since, { since: 498_000 });
  assert.deepEqual(since.lines, [498, 499].map(lineOf));
  const none = new Seen();
  await readLog(folder.path, none, { tail: 0 });
  assert.deepEqual([none.lines, none.missing], [[], 0]);
});

test('who follows sees every line once over many files, or is told how many were too fast', async () => {
  using folder = new Folder();
  const log = new InstanceLog(folder.path, { maxBytes: 400, files: 3 });
  write(log, 0, 5);
  const seen = new Seen();
  let ended = false;
  let written = 5;
  const position = await readLog(folder.path, seen, {});
  const follows = followLog(folder.path, position, seen, () => ended, new AbortController().signal);
  for (let round = 0; round < 30; round++) {
    write(log, written, written + 7);
    written += 7;
    await new Promise((resolve) => setImmediate(resolve));
  }
  // More at once than the files hold: these it cannot have seen.
  write(log, written, written + 100);
  written += 100;
  log.end();
  ended = true;
  await follows;
  assert.equal(seen.lines.length + seen.missing, written);
  assert.ok(seen.missing >= 60, `${seen.missing} told as missing`);
  assert.equal(new Set(seen.lines).size, seen.lines.length);
  assert.equal(seen.lines.at(-1), lineOf(written - 1));
});

test('who follows a log that is taken away with its end has read it to the end', async () => {
  using folder = new Folder();
  const own = join(folder.path, 'brief');
  mkdirSync(own);
  const log = new InstanceLog(own);
  write(log, 0, 3);
  const seen = new Seen();
  using position = await readLog(own, seen, {});
  const follows = followLog(own, position, seen, () => !existsSync(own), new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  // All at once, as `skep run --rm` ends: what watches the folder hears of it when it is gone.
  write(log, 3, 9);
  log.end();
  rmSync(own, { recursive: true });
  await follows;
  assert.deepEqual(
    seen.lines,
    Array.from({ length: 9 }, (_, n) => lineOf(n)),
  );
});

test('filters are docker’s: one key’s values are alternatives, labels must all fit', () => {
  const instance = {
    ...{ id: 'abc123', name: 'kills', labels: { env: 'prod', canary: '' } },
    ...{ programs: ['ghcr.io/me/oomkill:1'], state: 'exited' },
  } as unknown as Instance;
  const fits = (...texts: string[]) => filterOf(texts)(instance);
  assert.ok(fits('name=ill', 'status=running', 'status=exited', 'label=canary', 'label=env=prod', 'id=abc'));
  assert.ok(fits('probe=ghcr.io/me/oomkill'));
  for (const wrong of ['name=x', 'status=dead', 'label=env=test', 'label=constructor', 'probe=other'])
    assert.ok(!fits(wrong), wrong);
  assert.ok(!fits('label=env=prod', 'label=none'));
  assert.throws(() => filterOf(['toString=1']), { code: 'SKEP_USAGE' });
});

test('a list of programs, and each way to get it wrong with its line', () => {
  const list = parseRunList(
    'name: node\nprobes:\n  - oomkill:1\n  - image: ./x.o\n    name: x\n    set: {a: 1, b: [2, 3]}\n    attach: [p=eth0]\n    hook: {h: kprobe}\n    show: [gauge=m]\n',
    'dir/l.yaml',
  );
  assert.deepEqual(list, {
    name: 'node',
    programs: [
      { program: 'oomkill:1' },
      {
        program: 'dir/x.o',
        name: 'x',
        set: { a: '1', b: ['2', '3'] },
        attach: ['p=eth0'],
        hook: { h: 'kprobe' },
        show: ['gauge=m'],
      },
    ],
  });
  const wrong: [string, RegExp][] = [
    ['', /^l.yaml:1: the list must be names and values/],
    ['name: x\n', /^l.yaml:1: there is no "probes"/],
    ['probes: []\n', /^l.yaml:1: probes must be a list/],
    ['probes:\n  - image: a\n    sets: {}\n', /^l.yaml:3: "sets" is no key here/],
    ['probes:\n  - a\n  - name: b\n', /^l.yaml:3: there is no "image"/],
    ['probes:\n  - a\nextra: 1\n', /^l.yaml:3: "extra" is no key here/],
    ['probes:\n  - {image: [a]}\n', /^l.yaml:2: image must be a text/],
    ['probes:\n  - "\n', /^l.yaml:\d: /],
  ];
  for (const [text, message] of wrong)
    assert.throws(() => parseRunList(text, 'l.yaml'), { code: 'SKEP_USAGE', message });
});
