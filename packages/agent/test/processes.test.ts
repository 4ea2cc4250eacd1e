// What a process did may be read before what it is: they come by two rings.
import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Identities } from '@skep/identity';
import { Processes } from '../src/services/processes.ts';
import { Services } from '../src/services/services.ts';

/** No process has it: beyond the most there can be. */
const ENDED = 4_194_304 + 1;

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
