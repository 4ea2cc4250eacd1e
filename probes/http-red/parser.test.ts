/** What the parser makes of a message does not depend on where calls and windows cut it. */
import { ok } from 'node:assert/strict';
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
