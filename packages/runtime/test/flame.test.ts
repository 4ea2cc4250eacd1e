import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as drawn } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { foldedText } from '../src/flame/folded.ts';
import { FlameSink } from '../src/flame/sink.ts';
import { flameSvg } from '../src/flame/svg.ts';
import { FlameTree, type Step } from '../src/flame/tree.ts';
import { boxesOf } from './support/flame.ts';

const INNER = 1168;
const step = (name: string, kind: Step['kind'] = 'native'): Step => ({ name, kind });
const text = { title: 'a <probe> & more', subtitle: 'samples', unit: 'samples' };

test('where a picture cannot go is told before anything is counted', () => {
  for (const file of [import.meta.dirname, `${import.meta.dirname}/nothing/cpu.svg`])
    assert.throws(() => new FlameSink({ svg: file }).prepare(), { code: 'SKEP_FLAME' }, file);
  new FlameSink({ svg: `${import.meta.dirname}/cpu.svg`, folded: () => {} }).prepare();
});

test('a pipe is written into and stays one, as a device is', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-flame-'));
  try {
    const svg = join(dir, 'pipe');
    execFileSync('mkfifo', [svg]);
    const reader = spawn('cat', [svg], { stdio: ['ignore', 'pipe', 'inherit'] });
    const sink = new FlameSink({ svg });
    const stream = {
      stackColumns: [0],
      kind: 'counter',
      fields: [],
      columns: [],
      map: 'm',
      yields: 'records',
    };
    sink.start({ name: 'x', streams: [stream] } as never);
    sink.stop({ elapsedMs: 1, lost: [], startedAt: new Date(0) } as never);
    assert.match(await drawn(reader.stdout), /<svg .*<\/svg>/s);
    assert.ok(lstatSync(svg).isFIFO());
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('boxes are as wide as their share, over what called them', () => {
  const tree = new FlameTree('cpu');
  tree.add([step('sh', 'process'), step('main'), step('read'), step('vfs_read', 'kernel')], 60);
  tree.add([step('sh', 'process'), step('main'), step('hot')], 30);
  tree.add([step('sh', 'process'), step('main')], 10);
  tree.add([step('sh', 'process'), step('never')], 0);
  const boxes = boxesOf(flameSvg(tree, text));
  assert.deepEqual(
    boxes.map((b) => [b.name, b.value, b.kind]),
    [
      ['cpu', 100, 'process'],
      ['sh', 100, 'process'],
      ['main', 100, 'native'],
      ['hot', 30, 'native'],
      ['read', 60, 'native'],
      ['vfs_read', 60, 'kernel'],
    ],
  );
  const by = new Map(boxes.map((b) => [b.name, b]));
  for (const b of boxes) assert.ok(Math.abs(b.width + 0.5 - (INNER * b.value) / 100) < 0.01, b.name);
  assert.equal(by.get('main')!.y - by.get('read')!.y, 19);
  assert.equal(by.get('read')!.x, by.get('vfs_read')!.x);
  assert.ok(Math.abs(by.get('read')!.x - by.get('hot')!.x - 0.3 * INNER) < 0.01);
  assert.equal(by.get('read')!.title, 'read – 60 samples, 60.00 %');
});

test('folded stacks, as tools that draw them read them', () => {
  const tree = new FlameTree('cpu');
  tree.add([step('sh', 'process'), step('a;b'), step('vfs_read', 'kernel')], 2);
  tree.add([step('sh', 'process'), step('run x.js:1', 'jit')], 3);
  tree.add([step('sh', 'process')], 1);
  assert.equal(foldedText(tree), 'sh 1\nsh;a:b;vfs_read_[k] 2\nsh;run x.js:1_[j] 3\n');
  assert.equal(foldedText(new FlameTree('nothing')), '');
});

test('a picture of nothing is one', () => {
  const boxes = boxesOf(flameSvg(new FlameTree('cpu'), text));
  assert.deepEqual(
    boxes.map((b) => [b.name, b.value]),
    [['cpu', 0]],
  );
});

test('any names and numbers make well-formed XML whose boxes lie within the one below', () => {
  const anyName = fc.oneof(
    fc.string(),
    fc.constantFrom(']]>', '<script>', '&amp;', '"', '\u0000\u0007', 'std::vector<int>'),
  );
  const anyStack = fc.tuple(fc.array(anyName, { maxLength: 8 }), fc.integer({ min: 1, max: 1e9 }));
  fc.assert(
    fc.property(fc.array(anyStack, { minLength: 1, maxLength: 30 }), (stacks) => {
      const tree = new FlameTree('all');
      for (const [names, value] of stacks)
        tree.add(
          names.map((n) => step(n)),
          value,
        );
      const svg = flameSvg(tree, text);
      const boxes = boxesOf(svg);
      // Every group was understood: nothing in a name ends an attribute or a tag.
      assert.equal(boxes.length, svg.split('<g data-n=').length - 1);
      assert.equal(
        boxes[0]!.value,
        stacks.reduce((sum, [, value]) => sum + value, 0),
      );
      for (const b of boxes.slice(1)) {
        const below = boxes.find(
          (o) => o.y === b.y + 19 && o.x <= b.x + 0.01 && o.x + o.width + 0.51 >= b.x + b.width,
        );
        assert.ok(below, `${b.name} lies on something`);
      }
      const lines = foldedText(tree)
        .split('\n')
        .filter((l) => l !== '');
      assert.ok(lines.every((l) => / \d+$/.test(l)));
    }),
    { numRuns: 100 },
  );
});
