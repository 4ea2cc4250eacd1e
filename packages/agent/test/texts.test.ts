/** Paths whose text comes before anybody has told whose they are. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from '@skep/runtime';
import { RAW_PROCESS } from '../src/kernel/key.ts';
import { PathTexts, type PathTextsParts } from '../src/routes/texts.ts';

/** struct http_path */
const PLACES = { path: 0, service: 8, length: 12, text: 16 };

function texts(knows: () => boolean) {
  const routed: string[] = [];
  let late = 0;
  const value = new Map(Object.entries(PLACES).map(([name, offset]) => [name, { offset }]));
  const path = new PathTexts(
    { map: () => ({ value }) } as unknown as Pick<Run, 'map'>,
    {
      services: { byId: () => undefined },
      processes: { knows, serviceOf: (pid: number) => ({ id: pid }) },
      routes: {
        path: (fingerprint: bigint, service: number, text: string) => {
          routed.push(`${fingerprint} ${service} ${text}`);
        },
      },
      clock: () => 0,
      onLate: () => {
        late++;
      },
    } as unknown as PathTextsParts,
  );
  const take = (pid: number, text: string) => {
    const u8 = new Uint8Array(272);
    const dv = new DataView(u8.buffer);
    dv.setBigUint64(PLACES.path, 7n, true);
    dv.setUint32(PLACES.service, RAW_PROCESS + pid, true);
    dv.setUint32(PLACES.length, text.length, true);
    u8.set(Buffer.from(text), PLACES.text);
    path.take({ u8, dv }, 0);
  };
  return { path, take, routed, late: () => late };
}

test('the path of a process that nobody has told of waits, and no longer than who counts by it does', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { path, take, routed, late } = texts(() => false);
  take(42, '/brief/1');
  deepStrictEqual(routed, []);
  // An agent that got no time has heard of the path after all the time that there was to wait.
  path.settle();
  deepStrictEqual(routed, ['7 42 /brief/1']);
  strictEqual(late(), 1);
  t.mock.timers.tick(1000);
  strictEqual(late(), 1);
  take(43, '/brief/2');
  t.mock.timers.tick(1000);
  deepStrictEqual(routed, ['7 42 /brief/1', '7 43 /brief/2']);
});

test('the path of a process that is known becomes a route at once', () => {
  const { take, routed, late } = texts(() => true);
  take(42, '/brief/1');
  deepStrictEqual(routed, ['7 42 /brief/1']);
  strictEqual(late(), 0);
});
