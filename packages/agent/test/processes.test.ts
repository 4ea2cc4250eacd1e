// What a process did may be read before what it is: they come by two rings.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Identities, type Identity } from '@skep/identity';
import { Processes } from '../src/services/processes.ts';
import { Services } from '../src/services/services.ts';

/** No process has it: beyond the most there can be. */
const ENDED = 4_194_304 + 1;
/** No exec or exit waits to be read. */
const nothing = () => undefined;

test('who ended before anybody looked is named by its exec, also when that is still in its ring', () => {
  const clock = () => 0;
  const unread = [
    () =>
      processes.exec({
        pid: ENDED,
        startTime: 1,
        ppid: 1,
        uid: 0,
        cgroupId: 1n,
        comm: 'job',
        exe: '/bin/job',
      }),
    () => processes.exit({ pid: ENDED, startTime: 1 }),
  ];
  const processes: Processes = new Processes(
    new Services(),
    { setService: () => true, deleteService: () => true },
    clock,
    new Identities({ clock }),
    () => {
      for (const read of unread.splice(0)) read();
    },
  );
  const service = processes.serviceOf(ENDED);
  strictEqual(service.name, 'job');
  strictEqual(service.pids.size, 0, 'it runs no more');
  strictEqual(unread.length, 0);
});

test('a process whose namespace is written down after it was first looked at is of that namespace’s service', () => {
  const clock = { now: 0 };
  let namespace: string | undefined;
  // The kubelet's files name a pod a moment after its first process has begun.
  const identities = {
    get: () => ({ service: { name: 'web', rule: 'pod-owner', namespace }, sdks: [] }) as unknown as Identity,
  } as unknown as Identities;
  const told: number[] = [];
  const tables = {
    setService: (_: number, service: number) => told.push(service) > 0,
    deleteService: () => true,
  };
  const services = new Services();
  const processes = new Processes(services, tables, () => clock.now, identities, nothing);
  const before = processes.serviceOf(7);
  namespace = 'live';
  clock.now = 3_000;
  processes.tidy();
  const service = processes.serviceOf(7);
  deepStrictEqual([service.name, service.namespace, before.namespace], ['web', 'live', undefined]);
  deepStrictEqual(told, [before.id, service.id]);
  deepStrictEqual([before.pids.size, service.pids.size], [0, 1]);
});

test('a process that was of one service too many has its own once there is room', () => {
  const clock = { now: 0 };
  const identities = {
    get: (pid: number) =>
      ({ service: { name: `job-${pid}`, rule: 'command' }, sdks: [] }) as unknown as Identity,
    exit: () => undefined,
  } as unknown as Identities;
  const tables = { setService: () => true, deleteService: () => true };
  const services = new Services({ most: 2 });
  const processes = new Processes(services, tables, () => clock.now, identities, nothing);
  const names = () => [1, 2, 3].map((pid) => processes.serviceOf(pid).name);
  deepStrictEqual(names(), ['job-1', 'job-2', '_OTHER']);
  for (const pid of [1, 2]) processes.exit({ pid, startTime: 1 });
  const pass = (ms: number) => {
    clock.now += ms;
    processes.tidy();
    services.expire(clock.now, () => undefined);
  };
  pass(40_000);
  strictEqual(processes.serviceOf(3).name, '_OTHER');
  pass(300_000);
  pass(40_000);
  strictEqual(processes.serviceOf(3).name, 'job-3');
});
