import { match, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { lockedMemory } from '../src/kernel/denied.ts';

test('what counts as locked memory is told where it does, to whom it is bounded for', () => {
  const have = new Set(['CAP_BPF', 'CAP_PERFMON']);
  match(lockedMemory(65536, have, '5.10.0-32-cloud-amd64')!, /may have 64 KiB/);
  strictEqual(lockedMemory(65536, have, '5.11.0'), undefined);
  strictEqual(lockedMemory(65536, have, '6.1.0-48-amd64'), undefined);
  strictEqual(lockedMemory(-1, have, '5.10.223'), undefined);
  strictEqual(lockedMemory(65536, new Set([...have, 'CAP_SYS_RESOURCE']), '5.10.223'), undefined);
});
