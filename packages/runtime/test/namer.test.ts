import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Symbols } from '@skep/bpf/symbols';
import { StackNamer } from '../src/stacks/namer.ts';

test('a process is looked at once for the records of a moment, and anew in the next', (t) => {
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  using symbols = new Symbols();
  const look = t.mock.method(symbols, 'remember');
  const namer = new StackNamer([], symbols);
  const looked = () => look.mock.calls.map((call) => call.arguments[0]);
  for (let i = 0; i < 10; i++) for (const pid of [process.pid, 0x7fffffff]) namer.remember(pid);
  assert.deepEqual(looked(), [process.pid, 0x7fffffff]);
  assert.equal(namer.remember(process.pid)?.pid, process.pid);
  assert.equal(namer.remember(0x7fffffff), undefined);
  now += 5;
  namer.remember(process.pid);
  assert.deepEqual(looked(), [process.pid, 0x7fffffff, process.pid]);
});
