import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BpfObject } from '@skep/bpf';
import {
  compile,
  describeObject,
  INIT_CHOICES,
  initTemplate,
  ProbeError,
  parseInitChoice,
} from '../src/index.ts';
import { Folder } from './support.ts';

// The verifier is asked too where that is allowed; attaching and reading is the business of other packages' tests.
const privileged = process.geteuid?.() === 0;

for (const programType of INIT_CHOICES.programType) {
  for (const map of INIT_CHOICES.map) {
    test(`${programType} with ${map} builds without a word for every output, hooks no kprobe and can be narrowed`, async () => {
      using folder = new Folder();
      for (const output of INIT_CHOICES.output) {
        const text = initTemplate({ language: 'C', programType, map, output }, 'my-probe.c');
        assert.ok(
          text.split('\n').every((line) => line.replaceAll('\t', '        ').length <= 120),
          output,
        );
        assert.match(text, /skep build my-probe\.c my-probe /);
        const { object, diagnostics } = await compile({ source: folder.write(`${output}.c`, text) });
        assert.equal(diagnostics, '');
        if (privileged) {
          using loaded = BpfObject.open(object, { name: output });
          await loaded.load();
        }
        const d = describeObject(object, output);
        assert.deepEqual([...new Set(d.programs.map((p) => p.type))], ['tracepoint']);
        const shown = d.maps.filter((m) => m.output);
        const kind = { RingBuffer: 'ringbuf', HashMap: 'lru_hash', PerfBuffer: 'perf_event_array' }[map];
        assert.deepEqual(
          shown.map((m) => [m.output!.kind, m.type]),
          [[output, kind]],
        );
        assert.ok(shown[0]!.help);
        assert.ok(d.params.some((p) => p.name === 'target_pid') && d.params.every((p) => p.help));
      }
    });
  }
}

test('answers are read as users write them', () => {
  assert.equal(parseInitChoice('programType', 'file-system'), 'FileSystem');
  assert.equal(parseInitChoice('map', 'ringbuffer'), 'RingBuffer');
  assert.equal(parseInitChoice('language', 'c'), 'C');
  assert.throws(
    () => parseInitChoice('output', 'table'),
    (e) => e instanceof ProbeError && e.hint === 'Choose one of print, counter, gauge, hist.',
  );
});
