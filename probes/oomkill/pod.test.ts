// An OOM kill in a pod says which: the cgroup's path is of the kubelet's shape, the names are in its log folder.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { JsonSink, type Output, startRun } from '@skep/runtime';
import { placesOf } from '../../packages/cli/src/instances/places.ts';
import { fixture } from '../../test/support/fixtures.ts';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';

const UID = 'aaaabbbb-cccc-dddd-eeee-ffff00001111';
const ID = 'c0ffee'.padEnd(64, '0');

test('an OOM kill in a pod names namespace, pod and container; one elsewhere names none', {
  skip,
}, async () => {
  using cgroup = testCgroup(32 * 1024 * 1024);
  const slices = ['kubepods.slice', 'kubepods-burstable.slice'];
  slices.push(`kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`, `cri-containerd-${ID}.scope`);
  const pod = join(cgroup.path, ...slices);
  const root = mkdtempSync(join(tmpdir(), 'skep-pod-'));
  mkdirSync(pod, { recursive: true });
  try {
    mkdirSync(join(root, 'var/log/containers'), { recursive: true });
    writeFileSync(join(root, `var/log/containers/shop-7d4_prod_cart-${ID}.log`), '');
    let text = '';
    const output: Output = {
      write(chunk, done) {
        text += Buffer.from(chunk);
        done();
      },
      onClose: () => undefined,
      close: () => undefined,
    };
    const run = await startRun({
      name: 'oomkill',
      objects: [{ name: 'oomkill.o', bytes: await fixture(new URL('./oomkill.c', import.meta.url)) }],
      params: { target_cgroup: cgroup.path },
      places: async () => placesOf({ root }),
      sinks: [new JsonSink({ output })],
    });
    const inside = 'echo $$ > "$0/cgroup.procs" && exec tail /dev/zero';
    await runIn(cgroup, 'sh', '-c', inside, pod);
    await runIn(cgroup, 'tail', '/dev/zero');
    const { events } = await run.stop();
    strictEqual(events.print_oom_kills, 2);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const kills = lines.filter((l) => l.map === 'print_oom_kills');
    deepStrictEqual(
      kills.map((k) => k.resource),
      [
        {
          'k8s.namespace.name': 'prod',
          'k8s.pod.name': 'shop-7d4',
          'k8s.pod.uid': UID,
          'k8s.container.name': 'cart',
          'container.id': ID,
        },
        undefined,
      ],
    );
  } finally {
    for (let n = slices.length; n > 0; n--) rmdirSync(join(cgroup.path, ...slices.slice(0, n)));
    rmSync(root, { recursive: true });
  }
});
