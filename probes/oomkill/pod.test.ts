// An OOM kill in a pod says which: the cgroup's path is of the kubelet's shape, the names are in the files of kubelet and engine.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { JsonSink, type Output, type Run, startRun } from '@skep/runtime';
import { placesOf } from '../../packages/cli/src/instances/places.ts';
import { Host } from '../../packages/identity/src/index.ts';
import { cgroupName } from '../../packages/identity/test/support/cgroups.ts';
import { folder, missing } from '../../packages/identity/test/support/started.ts';
import { Containerd } from '../../test/support/containerd.ts';
import { fixture } from '../../test/support/fixtures.ts';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';

const LIMIT = 32 * 1024 * 1024;
const UID = 'aaaabbbb-cccc-dddd-eeee-ffff00001111';
const ID = 'c0ffee'.padEnd(64, '0');
const CART = {
  'k8s.namespace.name': 'prod',
  'k8s.pod.name': 'shop-7d4',
  'k8s.pod.uid': UID,
  'k8s.container.name': 'cart',
  'container.id': ID,
};

interface Kill {
  readonly resource?: Record<string, string>;
  readonly data: { readonly comm: string };
}

/** oomkill on one cgroup, of a machine whose files are in `root`. */
class Watched implements AsyncDisposable {
  readonly places: ReturnType<typeof placesOf>;
  /** The first kill was read. */
  readonly first: Promise<void>;
  #text = '';
  #run!: Run;
  #seen!: () => void;

  private constructor(root: string) {
    this.places = placesOf({ root });
    this.first = new Promise((resolve) => {
      this.#seen = resolve;
    });
  }

  static async start(cgroup: string, root: string): Promise<Watched> {
    const watched = new Watched(root);
    const output: Output = {
      write(chunk, done) {
        watched.#text += Buffer.from(chunk);
        done();
      },
      onClose: () => undefined,
      close: () => undefined,
    };
    watched.#run = await startRun({
      name: 'oomkill',
      objects: [{ name: 'oomkill.o', bytes: await fixture(new URL('./oomkill.c', import.meta.url)) }],
      params: { target_cgroup: cgroup },
      places: async () => watched.places,
      sinks: [new JsonSink({ output }), { name: 'first', record: () => watched.#seen() }],
    });
    return watched;
  }

  async kills(): Promise<Kill[]> {
    await this.#run.stop();
    const lines = this.#text.trim().split('\n');
    return lines.map((line) => JSON.parse(line)).filter((l) => l.map === 'print_oom_kills');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run.stop();
    this.places[Symbol.dispose]();
  }
}

/** What the kubelet has of the container, in a folder that stands for the machine's root. */
function kubeletFiles(): string {
  const root = mkdtempSync(join(tmpdir(), 'skep-pod-'));
  mkdirSync(join(root, 'var/log/containers'), { recursive: true });
  writeFileSync(join(root, `var/log/containers/shop-7d4_prod_cart-${ID}.log`), '');
  return root;
}

const slices = ['kubepods.slice', 'kubepods-burstable.slice'];
slices.push(`kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`, `cri-containerd-${ID}.scope`);
const inside = 'echo $$ > "$0/cgroup.procs" && exec tail /dev/zero';

function removeSlices(cgroup: string): void {
  for (let n = slices.length; n > 0; n--) {
    const folder = join(cgroup, ...slices.slice(0, n));
    if (existsSync(folder)) rmdirSync(folder);
  }
}

test('an OOM kill in a pod names namespace, pod and container; one elsewhere names none', {
  skip,
}, async () => {
  using cgroup = testCgroup(LIMIT);
  const pod = join(cgroup.path, ...slices);
  const root = kubeletFiles();
  mkdirSync(pod, { recursive: true });
  try {
    await using watched = await Watched.start(cgroup.path, root);
    await runIn(cgroup, 'sh', '-c', inside, pod);
    await runIn(cgroup, 'tail', '/dev/zero');
    const kills = await watched.kills();
    deepStrictEqual(
      kills.map((k) => k.resource),
      [CART, undefined],
    );
  } finally {
    removeSlices(cgroup.path);
    rmSync(root, { recursive: true });
  }
});

test('a pod that began after the probe, and is gone before its kill is read, is named', {
  skip,
}, async () => {
  using cgroup = testCgroup(LIMIT);
  const pod = join(cgroup.path, ...slices);
  const root = kubeletFiles();
  mkdirSync(join(pod, '..'), { recursive: true });
  try {
    await using watched = await Watched.start(cgroup.path, root);
    const told = watch(join(pod, '..'));
    const made = once(told, 'change');
    mkdirSync(pod);
    // The kernel tells all who watch a folder in one turn of the loop; the files are looked for in one of the next.
    await made;
    told.close();
    for (let n = 0; n < 50; n++) await turn();
    // While this lasts nothing is read here.
    const both = 'sh -c "$1" "$0"; until rmdir "$0" 2>/dev/null; do :; done';
    const args = ['20', 'sh', '-c', both, pod, `${cgroup.enter} && ${inside}`];
    execFileSync('timeout', args, { stdio: 'ignore' });
    rmSync(root, { recursive: true });
    const kills = await watched.kills();
    deepStrictEqual(
      kills.map((k) => k.resource),
      [CART],
    );
  } finally {
    removeSlices(cgroup.path);
    rmSync(root, { recursive: true, force: true });
  }
});

test('an OOM kill in a container of containerd names it', {
  skip: skip || missing('containerd') || missing('runc'),
}, async (t) => {
  const dir = folder(t);
  const parent = cgroupName(t);
  const watchedCgroup = join(new Host().cgroup2!, parent);
  mkdirSync(watchedCgroup);
  await using containerd = await Containerd.start(dir);
  await using watched = await Watched.start(watchedCgroup, dir);
  const id = randomBytes(32).toString('hex');
  containerd.run({
    id,
    cgroup: `/${parent}/kubepods/burstable/pod${UID}/${id}`,
    annotations: {
      'io.kubernetes.cri.container-name': 'cart',
      'io.kubernetes.cri.image-name': 'registry.example/cart:3',
      'io.kubernetes.cri.sandbox-name': 'shop-7d4',
      'io.kubernetes.cri.sandbox-namespace': 'prod',
    },
    memoryBytes: 64 * 1024 * 1024,
    command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=256M', 'count=1'],
  });
  await watched.first;
  const [kill, ...more] = await watched.kills();
  strictEqual(more.length, 0);
  strictEqual(kill?.data.comm, 'busybox');
  deepStrictEqual(kill.resource, {
    ...CART,
    'container.id': id,
    'container.image.name': 'registry.example/cart:3',
  });
});
