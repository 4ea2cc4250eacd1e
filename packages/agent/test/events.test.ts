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

/** The variables of an exec whose OTEL_RESOURCE_ATTRIBUTES are these, as the kernel's program copies them. */
function told(attributes: string): ExecEvent['environment'] {
  const value = new Map<string, { offset: number }>();
  let size = 0;
  for (const [name, bytes] of Object.entries(SIZES)) {
    value.set(name, { offset: size });
    size += bytes;
  }
  const u8 = new Uint8Array(size);
  const dv = new DataView(u8.buffer);
  dv.setUint32(value.get('change')!.offset, EXEC, true);
  u8.set(Buffer.from(attributes).subarray(0, 255), value.get('otel_resource_attributes')!.offset);
  let event: ExecEvent | undefined;
  const processes = {
    exec(e: ExecEvent) {
      event = e;
    },
  };
  processEvents({ map: () => ({ value }) } as never, processes as never)({ u8, dv }, 0);
  return event?.environment;
}

test('of attributes that were cut, half a value is not taken for one', () => {
  const long = `team=${'x'.repeat(220)}`;
  for (const [attributes, kept] of [
    ['service.namespace=shop', 'service.namespace=shop'],
    [`${long},service.namespace=production-of-the-shop`, long],
    [`service.namespace=${'x'.repeat(300)}`, ''],
  ] as const)
    deepStrictEqual(told(attributes)?.get('OTEL_RESOURCE_ATTRIBUTES'), kept);
});
