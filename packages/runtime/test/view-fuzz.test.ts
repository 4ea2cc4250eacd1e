import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compose } from '../src/view/compose.ts';
import { control } from '../src/view/controls.ts';
import { textWidth } from '../src/view/glyphs.ts';
import type { InputEvent, KeyName } from '../src/view/input.ts';
import { GLYPH_MASK, Screen } from '../src/view/screen.ts';
import { ViewState } from '../src/view/state.ts';
import { FakeRun, FakeSeries, printStream, record, seriesStream } from './view-fixture.ts';

type Step =
  | { do: 'key'; name: KeyName }
  | { do: 'text'; text: string }
  | { do: 'records'; count: number; comm: string }
  | { do: 'series'; value: number; comm: string }
  | { do: 'drop' }
  | { do: 'size'; width: number; height: number };

const names: KeyName[] = ['up', 'down', 'left', 'right', 'home', 'end', 'pageup', 'pagedown', 'enter', 'escape', 'tab', 'backspace', 'shift-left', 'shift-right', 'ctrl-w']; // biome-ignore format: a list
const comm = fc.oneof(
  fc.constantFrom('nginx', '日本語プロセス', '\x1b[2J', 'e\u0301\u0301', ''),
  fc.string(),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('key' as const), name: fc.constantFrom(...names) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('text' as const),
      text: fc.constantFrom(...'sr<>/pftcFk j?gG[]123n !:'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('records' as const), count: fc.nat(70), comm }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('series' as const), value: fc.nat(1e6), comm }) },
  { weight: 1, arbitrary: fc.constant({ do: 'drop' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('size' as const),
      width: fc.integer({ min: 1, max: 130 }),
      height: fc.integer({ min: 1, max: 40 }),
    }),
  },
);

/** No row may be wider than the screen, and no wide glyph cut in half: either would shift a real terminal. */
function assertSound(screen: Screen): void {
  const { width, height, cells } = screen;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((cells[y * width + x]! & GLYPH_MASK) !== 0) continue;
      assert.ok(x > 0, `half a glyph at the start of row ${y}`);
      const left = cells[y * width + x - 1]! & GLYPH_MASK;
      assert.ok(left > 0x10ffff || textWidth(String.fromCodePoint(left)) === 2, `half a glyph at ${x},${y}`);
    }
  }
}

test('no order of keys, sizes and data breaks a frame', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.boolean(), (steps, ascii) => {
      const print = printStream(0).stream;
      const counter = seriesStream(1, 'counter_calls', 'counter');
      const hist = seriesStream(2, 'hist_latency', 'hist', 'us');
      const run = new FakeRun([print, counter, hist]);
      const state = new ViewState(run, ascii, undefined, { records: 50, bytes: 2048, testsPerFrame: 20 });
      state.attaching = false;
      let screen = new Screen(80, 24);
      let now = 0;
      let id = 0;
      const none = { quit: () => {}, suspend: () => {}, redraw: () => {}, height: () => screen.height };
      for (const s of steps) {
        now += 100;
        if (s.do === 'size') screen = new Screen(s.width, s.height);
        else if (s.do === 'drop') run.all.splice(0, Math.ceil(run.all.length / 2));
        else if (s.do === 'records') {
          const { u8, dv } = record(id++, 1, 2, s.comm);
          for (let i = 0; i < s.count; i++) state.tabs[0]!.push({ u8, dv }, 0, u8.length, now);
        } else if (s.do === 'series') {
          run.all.push(new FakeSeries(id++, counter, s.comm, s.value));
          const h = { bounds: [1, 2, s.value + 3], counts: [0, s.value, 1, 0], count: s.value + 1, sum: 9 };
          run.all.push(new FakeSeries(id++, hist, s.comm, s.value, h));
          for (const tab of state.tabs) tab.series?.tick(now);
        } else {
          const event: InputEvent =
            s.do === 'key' ? { type: 'key', name: s.name } : { type: 'text', text: s.text };
          control(event, state, none);
        }
        state.measure(now);
        screen.clear();
        compose(screen, state);
        assertSound(screen);
        if (screen.width >= 30 && screen.height >= 5 && state.paused)
          assert.match(screen.line(screen.height - 2), /PAUSED/);
        const tab = state.tab!;
        const selected = tab.selectedIndex;
        if (state.overlay === undefined && selected !== undefined && screen.height >= 5) {
          assert.ok(
            selected >= tab.top && selected < tab.top + tab.visible,
            'the selected row is on the screen',
          );
        }
      }
    }),
    { numRuns: 300 },
  );
});
