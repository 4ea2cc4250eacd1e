import assert from 'node:assert/strict';
import { test } from 'node:test';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import { diff } from '../src/view/diff.ts';
import { printable } from '../src/view/glyphs.ts';
import { Screen } from '../src/view/screen.ts';
import { STYLE, sgrTable } from '../src/view/style.ts';

const WIDTH = 24;
const HEIGHT = 6;
const SGR = sgrTable('256');
const sgr = (style: number): string => SGR[style]!;

const write = (term: xterm.Terminal, text: string): Promise<void> =>
  new Promise((resolve) => term.write(text, resolve));

/** Everything that can be seen: text and looks of each cell. */
function seen(term: xterm.Terminal): string[] {
  const buffer = term.buffer.active;
  return Array.from({ length: HEIGHT }, (_, y) => {
    const line = buffer.getLine(y)!;
    return Array.from({ length: WIDTH }, (_, x) => {
      const cell = line.getCell(x)!;
      const chars = cell.getChars() === '' && cell.getWidth() !== 0 ? ' ' : cell.getChars();
      return `${chars}/${cell.getFgColor()}/${cell.getBgColor()}/${cell.isBold()}/${cell.isInverse()}`;
    }).join('|');
  });
}

/** Text that mixes what has one column, two, marks, and what terminals measure differently. */
const text = fc
  .array(fc.constantFrom('a', 'Zz ', '   ', '日', '本語', 'e\u0301', '😀', '…', '▏', 'é', '한', '❤️'), {
    maxLength: 12,
  })
  .map((parts) => printable(parts.join('')));

const stroke = fc.record({
  x: fc.nat(WIDTH - 1),
  y: fc.nat(HEIGHT - 1),
  text,
  style: fc.constantFrom(...Object.values(STYLE)),
  width: fc.option(fc.integer({ min: 1, max: WIDTH }), { nil: undefined }),
  align: fc.constantFrom('left' as const, 'right' as const),
  fill: fc.boolean(),
});

function paint(strokes: readonly (typeof stroke extends fc.Arbitrary<infer T> ? T : never)[]): Screen {
  const screen = new Screen(WIDTH, HEIGHT);
  for (const s of strokes) {
    if (s.fill) screen.fill(s.x, s.y, s.width ?? 3, s.style);
    else screen.put(s.x, s.y, s.text, s.style, { width: s.width, align: s.align });
  }
  return screen;
}

test('a screen after any number of diffs is the screen after one full paint', async () => {
  const frames = fc.array(fc.array(stroke, { maxLength: 10 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(frames, async (all) => {
      const stepwise = new xterm.Terminal({ cols: WIDTH, rows: HEIGHT, allowProposedApi: true });
      const atOnce = new xterm.Terminal({ cols: WIDTH, rows: HEIGHT, allowProposedApi: true });
      let last: Screen | undefined;
      for (const strokes of all) {
        const screen = paint(strokes);
        await write(stepwise, diff(last, screen, sgr));
        last = screen;
      }
      await write(atOnce, diff(undefined, last!, sgr));
      assert.deepEqual(seen(stepwise), seen(atOnce));
    }),
    { numRuns: 150 },
  );
});

test('an unchanged screen costs no byte', () => {
  const screen = new Screen(WIDTH, HEIGHT);
  screen.put(0, 0, 'same 日本', STYLE.header);
  const again = new Screen(WIDTH, HEIGHT);
  again.put(0, 0, 'same 日本', STYLE.header);
  assert.equal(diff(screen, again, sgr), '');
});

test('one changed digit costs one move and one digit', () => {
  const before = new Screen(80, 24);
  before.put(10, 3, 'count 41', STYLE.text);
  const after = new Screen(80, 24);
  after.put(10, 3, 'count 42', STYLE.text);
  assert.equal(diff(before, after, sgr), '\x1b[4;18H\x1b[0m2');
});

test('text that does not fit ends in an ellipsis, also before a wide character', () => {
  const screen = new Screen(10, 1);
  screen.put(0, 0, 'abcdefghijklmn', STYLE.text);
  assert.equal(screen.line(0), 'abcdefghi…');
  screen.clear();
  screen.put(0, 0, '日本語日本語', STYLE.text, { width: 6 });
  assert.equal(screen.line(0), '日本 …');
  screen.clear();
  screen.put(0, 0, '42', STYLE.text, { width: 6, align: 'right' });
  assert.equal(screen.line(0), '    42');
});

test('writing over half a wide character leaves no half', () => {
  const screen = new Screen(10, 1);
  screen.put(0, 0, '日本', STYLE.text);
  screen.put(1, 0, 'x', STYLE.text);
  assert.equal(screen.line(0), ' x本');
});

test('text that was cut says so in ASCII where there is nothing else', () => {
  for (const [ascii, shown] of [
    [false, 'long…'],
    [true, 'long~'],
  ] as const) {
    const screen = new Screen(5, 1, ascii);
    screen.put(0, 0, 'longer', 0);
    assert.equal(screen.line(0), shown);
  }
});
