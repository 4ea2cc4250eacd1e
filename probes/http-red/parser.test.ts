/** What the parser makes of a message does not depend on where calls and windows cut it. */
import { ok, strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { nativeFixture } from '../../test/support/fixtures.ts';

const STREAMS = 100_000;

test('streams of messages, right and damaged, are the same in pieces as byte by byte', async (t) => {
  const program = await nativeFixture(new URL('../../test/support/http1.native.c', import.meta.url));
  // Other streams in each run; a failure says which.
  for (const seed of [1, 1 + Math.floor(Math.random() * 1e9)]) {
    const { stdout } = await promisify(execFile)(program, [String(seed), String(STREAMS)]).catch((e) => {
      throw new Error(`with seed ${seed}:\n${e.stdout}`);
    });
    const [messages, headers, bad] = stdout.split(' ').map(Number);
    t.diagnostic(
      `seed ${seed}: ${messages} messages, ${headers} headers, ${bad} streams that end in what is none`,
    );
    ok(messages! > STREAMS / 10 && headers! > messages! / 2 && bad! > STREAMS / 10, stdout);
  }
});

test('a traceparent is one as W3C Trace Context 3.2 has it', async () => {
  const program = await nativeFixture(new URL('../../test/support/http1.native.c', import.meta.url));
  const ids = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
  const right = [`00-${ids}-01`, `00-${ids}-00 `, `cc-${ids}-01`, `01-${ids}-01-what comes later`];
  const wrong = [
    `ff-${ids}-01`,
    `00-${ids.toUpperCase()}-01`,
    `00-${ids}-01-more`,
    `00-${ids}-01-`,
    `01-${ids}-01more`,
    `00-${ids}-0`,
    `00-${ids}`,
    `00-${ids}-0g`,
    '',
  ];
  const { stdout } = await promisify(execFile)(program, ['parent', ...right, ...wrong]);
  strictEqual(stdout.trim(), '1'.repeat(right.length) + '0'.repeat(wrong.length));
});
