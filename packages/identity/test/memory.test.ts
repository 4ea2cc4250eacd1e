// What is kept of a process is small, whatever it was started with: others may start many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Host, Identities } from '../src/index.ts';
import { folder } from './support/started.ts';

const MANY = 100;
const LONG = 100_000;

function heap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

test('of a long command line and of long variables little is kept', (t) => {
  const files: Record<string, string> = {};
  const stat = Array.from({ length: 40 }, () => '1').join(' ');
  for (let pid = 1; pid <= MANY; pid++) {
    const letters = `${pid}`.repeat(LONG / 2);
    files[`${pid}/stat`] = `${pid} (x) S 1 ${stat}`;
    files[`${pid}/cmdline`] = `/srv/a-program-of-ours-${pid}\0--class-path\0${letters}\0`;
    files[`${pid}/environ`] =
      `OTEL_RESOURCE_ATTRIBUTES=service.namespace=a-namespace-of-ours,team=${letters},k8s.cluster.name=north\0` +
      `${pid % 2 === 0 ? 'OTEL_SERVICE_NAME' : 'X'}=a-service-of-ours-${pid}-${letters}\0`;
  }
  const identities = new Identities({
    host: new Host({ proc: folder(t, files), root: folder(t), name: 'a' }),
  });
  const before = heap();
  for (let pid = 1; pid <= MANY; pid++) identities.get(pid);
  const kept = (heap() - before) / MANY;
  t.diagnostic(`${Math.round(kept)} bytes a process`);
  assert.equal(identities.get(1)?.service.name, 'a-program-of-ours-1');
  assert.equal(identities.get(2)?.service.name.length, 255);
  assert.ok(kept < 20_000, `${Math.round(kept)} bytes a process`);
});
