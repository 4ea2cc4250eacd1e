import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type InputEvent, InputParser } from '../src/view/input.ts';
import { actionsOf } from '../src/view/keys.ts';

function parse(...chunks: (string | Uint8Array)[]): InputEvent[] {
  const events: InputEvent[] = [];
  const parser = new InputParser((event) => events.push(event));
  for (const chunk of chunks) parser.feed(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  parser.close();
  return events;
}

const key = (name: string): unknown => ({ type: 'key', name });

test('arrows in normal and in application mode', () => {
  const names = parse('\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA\x1bOB\x1bOC\x1bOD').map(
    (e) => e.type === 'key' && e.name,
  );
  assert.deepEqual(names, ['up', 'down', 'right', 'left', 'up', 'down', 'right', 'left']);
});

test('paging, home and end as different terminals send them', () => {
  assert.deepEqual(parse('\x1b[5~\x1b[6~'), [key('pageup'), key('pagedown')]);
  assert.deepEqual(parse('\x1b[H\x1bOH\x1b[1~\x1b[7~'), Array(4).fill(key('home')));
  assert.deepEqual(parse('\x1b[F\x1bOF\x1b[4~\x1b[8~'), Array(4).fill(key('end')));
  assert.deepEqual(parse('\x1b[1;2C\x1b[1;2D\x1b[Z'), [
    key('shift-right'),
    key('shift-left'),
    key('shift-tab'),
  ]);
});

test('a sequence and a character split across reads', () => {
  assert.deepEqual(parse('\x1b', '[', '5', '~'), [key('pageup')]);
  const bytes = Buffer.from('日');
  assert.deepEqual(parse(bytes.subarray(0, 1), bytes.subarray(1)), [{ type: 'text', text: '日' }]);
});

test('unknown sequences, mouse reports and focus events do nothing', () => {
  assert.deepEqual(parse('\x1b[99~\x1b[?1;2c\x1b[<0;10;5M\x1b[M !!\x1b[I\x1b[Oq'), [
    { type: 'text', text: 'q' },
  ]);
});

test('a paste is one event, wherever the reads are cut', () => {
  const bytes = 'x\x1b[200~q\x1b[Aquit\nnow\x1b[201~y';
  for (let cut = 0; cut <= bytes.length; cut++) {
    const events = parse(bytes.slice(0, cut), bytes.slice(cut));
    assert.deepEqual(
      events.map((e) => (e.type === 'key' ? e.name : `${e.type}:${e.text}`)),
      ['text:x', 'paste:q\x1b[Aquit\nnow', 'text:y'],
    );
    assert.deepEqual(actionsOf(events[1]!), []);
  }
});

test('Escape alone is a key once nothing follows', async () => {
  const event = await new Promise<InputEvent>((resolve) => {
    new InputParser(resolve).feed(Buffer.from('\x1b'));
  });
  assert.deepEqual(event, key('escape'));
});

test('no bytes make the parser throw or hold on to more than a sequence', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      parse(...chunks);
    }),
  );
});

test('however bytes are cut, the same keys come out', () => {
  const piece = fc.constantFrom(
    '\x1b[A',
    '\x1bOB',
    'q',
    '\r',
    '\x1b[6~',
    '日本',
    '\x7f',
    '\x1b[1;2C',
    '\x03',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1 }), fc.array(fc.nat(60)), (pieces, cuts) => {
      const bytes = Buffer.from(pieces.join(''));
      const at = [...new Set(cuts.map((c) => c % (bytes.length + 1)))].sort((a, b) => a - b);
      const chunks = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
      // Text may come in several events; joined it is the same.
      const flat = (events: InputEvent[]): string =>
        events.map((e) => (e.type === 'key' ? `<${e.name}>` : e.text)).join('');
      assert.equal(flat(parse(...chunks)), flat(parse(bytes)));
    }),
  );
});

test('letters read in one piece are several commands', () => {
  assert.deepEqual(actionsOf({ type: 'text', text: 'sr2q' }), ['sort', 'reverse', { tab: 1 }, 'quit']);
});
