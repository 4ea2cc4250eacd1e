// The pod of the chart as a container, which podman makes of its spec: with these rights and mounts, and no others, skep attaches, and
// an OOM kill in another pod says which. The node's folder of the kubelet is a test's own; skep is that of the checkout.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Sandbox } from '../../packages/cli/test/harness.ts';
import { cgroupName } from '../../packages/identity/test/support/cgroups.ts';
import { folder, missing } from '../../packages/identity/test/support/started.ts';
import { runIn, testCgroup } from '../../probes/support/cgroup.ts';
import { skip as notRoot } from '../../probes/support/skip.ts';
import { until } from '../../scripts/lib/services.ts';
import { fixture } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { minimal, noHelm, rendered, type Thing } from '../support/helm.ts';

const root = join(import.meta.dirname, '../..');
const UID = 'aaaabbbb-cccc-dddd-eeee-ffff00001111';
const ID = 'c0ffee'.padEnd(64, '0');

/** A root folder in which programs of this machine run: the rest of it is not there. */
function rootFolder(dir: string): { path: string; mounts: string[] } {
  const path = join(dir, 'root');
  for (const name of ['usr', 'proc', 'sys', 'dev', 'etc', 'skep'])
    mkdirSync(join(path, name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(path, name));
  return { path, mounts: ['/usr:/usr:ro', `${root}:/skep:ro`] };
}

test('skep runs in it, and names the pod of a kill', {
  skip: noHelm || notRoot || missing('podman') || missing('runc'),
}, async (t) => {
  const dir = folder(t);
  using box = new Sandbox();
  writeFileSync(box.path('oomkill.o'), await fixture(join(root, 'probes/oomkill/oomkill.c')));
  await box.ok(['build', 'oomkill.o', 'oomkill:1']);
  using cgroup = testCgroup(32 * 1024 * 1024);
  const pod = join(cgroup.path, 'kubepods', `pod${UID}`, ID);
  mkdirSync(pod, { recursive: true });
  try {
    mkdirSync(join(dir, 'containers'));
    writeFileSync(join(dir, `containers/shop-7d4_prod_cart-${ID}.log`), '');
    const port = await freePort();
    const probes = [{ image: 'oomkill:1', set: { target_cgroup: cgroup.path } }];
    const things = rendered({ ...minimal, probes, pull: 'never', metrics: { port } });
    const spec = things['DaemonSet node-skep'].spec.template.spec;
    const [container] = spec.containers;
    mkdirSync(join(dir, 'probes'));
    const { data } = things['ConfigMap node-skep-probes'];
    writeFileSync(join(dir, 'probes/probes.yaml'), data['probes.yaml']);
    mkdirSync(join(dir, 'tmp'));
    const here: Record<string, string> = {
      ...{ probes: join(dir, 'probes'), store: box.env.SKEP_STORAGE!, tmp: join(dir, 'tmp') },
      containers: join(dir, 'containers'),
    };
    const mounts = container.volumeMounts.map((m: Thing) => {
      const path = here[m.name] ?? spec.volumes.find((v: Thing) => v.name === m.name).hostPath.path;
      return `${path}:${m.mountPath}:rbind${m.readOnly ? ',ro' : ''}`;
    });
    const { path, mounts: own } = rootFolder(dir);
    const { capabilities, readOnlyRootFilesystem } = container.securityContext;
    assert.ok(spec.hostPID && readOnlyRootFilesystem);
    const state = ['--root', join(dir, 's'), '--runroot', join(dir, 'r'), '--tmpdir', join(dir, 't')];
    const engine = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs'];
    const args = [
      ...[
        '--network',
        'host',
        '--pid',
        'host',
        '--cgroupns',
        'private',
        '--cgroup-parent',
        `/${cgroupName(t)}`,
      ],
      ...[
        '--read-only',
        '--read-only-tmpfs=false',
        '--ulimit',
        'nofile=1024:1024',
        '--ulimit',
        'nproc=1024:1024',
      ],
      ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'no-new-privileges'],
      ...['--cap-drop', 'all', '--cap-add', capabilities.add.join(',')],
      ...container.env.flatMap((e: Thing) => ['-e', `${e.name}=${e.value}`]),
      ...['-e', 'PATH=/skep/bin:/usr/bin', ...[...own, ...mounts].flatMap((m) => ['-v', m])],
      ...['--rootfs', path, ...container.command, ...container.args],
    ];
    const child = spawn('podman', [...state, ...engine, '--events-backend', 'none', 'run', '--rm', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const kills: Thing[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line);
      if (event.map === 'print_oom_kills') kills.push(event);
    });
    try {
      await until(
        '/healthz',
        async () => {
          assert.equal(child.exitCode, null, said);
          const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
          return answer?.ok || undefined;
        },
        60_000,
      );
      await runIn(cgroup, 'sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec tail /dev/zero', pod);
      assert.equal(cgroup.oomKills(), 1);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
    assert.deepEqual(
      kills.map((k) => [k.data.comm, k.resource]),
      [
        [
          'tail',
          {
            'k8s.namespace.name': 'prod',
            'k8s.pod.name': 'shop-7d4',
            'k8s.pod.uid': UID,
            'k8s.container.name': 'cart',
            'container.id': ID,
          },
        ],
      ],
      said,
    );
  } finally {
    for (const path of [pod, join(pod, '..'), join(pod, '../..')]) if (existsSync(path)) rmdirSync(path);
  }
});
