// What an agent says that it cannot see, and why.
import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { HookChoice } from '@skep/runtime';
import { unseenHere } from '../src/unseen.ts';

const choice = (rungs: HookChoice['rungs'], taken?: string): HookChoice => ({
  ...{ group: 'traffic', object: 'http-red', optional: false, twins: false, taken, rungs },
});

test('the better way is named that cannot be taken here', () => {
  const reason = 'it is for Linux 7.0 and later';
  const rungs: HookChoice['rungs'] = [
    { name: 'slices', programs: [], state: 'refused', reason },
    { name: 'events', programs: [], state: 'taken' },
    { name: 'syscalls', programs: [], state: 'not needed' },
  ];
  const said = (hooks: HookChoice[]) => unseenHere(hooks).filter((text) => text.startsWith('traffic'));
  deepStrictEqual(said([choice(rungs, 'events')]), [
    `traffic is watched by events, not by slices: ${reason}`,
  ]);
  deepStrictEqual(said([choice(rungs.slice(1), 'events')]), []);
  deepStrictEqual(said([choice([], undefined)]), ['traffic: no hook of it runs here']);
});
