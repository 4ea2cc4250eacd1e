// What an exec tells of a process that has ended by the time somebody asks who it was.
import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecEvent } from '@skep/identity';
import { processEvents } from '../src/services/events.ts';

const SIZES = {
  ...{ time: 8, change: 4, pid: 4, ppid: 4, uid: 4, started: 8, cgroup: 8, comm: 16, exe: 128, args: 256 },
  ...{ otel_service_name: 64, otel_resource_attributes: 256, dd_service: 64 },
};
const EXEC = 1;

/** An exec with these texts, as the kernel's program copies them. */
function told(texts: Partial<Record<keyof typeof SIZES, string>>): ExecEvent | undefined {
  const value = new Map<string, { offset: number }>();
  let size = 0;
  for (const [name, bytes] of Object.entries(SIZES)) {
    value.set(name, { offset: size });
    size += bytes;
  }
  const u8 = new Uint8Array(size);
  const dv = new DataView(u8.buffer);
  dv.setUint32(value.get('change')!.offset, EXEC, true);
  for (const [name, text] of Object.entries(texts))
    u8.set(Buffer.from(text).subarray(0, SIZES[name as keyof typeof SIZES] - 1), value.get(name)!.offset);
  let event: ExecEvent | undefined;
  const processes = {
    exec(e: ExecEvent) {
      event = e;
    },
  };
  processEvents({ map: () => ({ value }) } as never, processes as never)({ u8, dv }, 0);
  return event;
}

test('of attributes that were cut, half a value is not taken for one', () => {
  const long = `team=${'x'.repeat(220)}`;
  for (const [attributes, kept] of [
    ['service.namespace=shop', 'service.namespace=shop'],
    [`${long},service.namespace=production-of-the-shop`, long],
    [`service.namespace=${'x'.repeat(300)}`, ''],
  ] as const)
    deepStrictEqual(
      told({ otel_resource_attributes: attributes })?.environment?.get('OTEL_RESOURCE_ATTRIBUTES'),
      kept,
    );
});

test('of a path or an argument that was cut, half is not taken for the whole', () => {
  const long = `/srv/${'x'.repeat(300)}`;
  for (const [exe, args, expected] of [
    ['/usr/bin/node', 'node web.js', ['/usr/bin/node', ['node', 'web.js']]],
    ['/usr/bin/node', '', ['/usr/bin/node', undefined]],
    [long, `${long} x`, [undefined, undefined]],
    ['/usr/bin/node', `node web.js ${long}`, ['/usr/bin/node', ['node', 'web.js']]],
  ] as const) {
    const event = told({ exe, args });
    deepStrictEqual([event?.exe, event?.argv], expected);
  }
});
