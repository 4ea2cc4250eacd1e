// Containers by the files of their engines: podman's and containerd's own, and files made after those of others.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Containerd, tinyRoot } from '../../../test/support/containerd.ts';
import { Containers, Host, Identities, type Place, resourceAttributes } from '../src/index.ts';
import { cgroup, cgroupName } from './support/cgroups.ts';
import { afterwards, folder, missing, started } from './support/started.ts';

const A = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970';
const UID = '2c48913c-b29f-11e7-9350-020968147796';
const root = process.getuid!() === 0;

function place(t: TestContext, path: string, files: Record<string, unknown>): Place {
  const texts = Object.entries(files).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)]);
  const host = new Host({ root: folder(t, Object.fromEntries(texts)) });
  return new Containers(host).placeOf({ v2: path, v1: {} });
}

suite('files of', () => {
  test('docker: config.v2.json, with compose', (t) => {
    const { container } = place(t, `/system.slice/docker-${A}.scope`, {
      [`var/lib/docker/containers/${A}/config.v2.json`]: {
        Name: '/laden-web-1',
        Config: {
          Image: 'nginx:1.27',
          Labels: { 'com.docker.compose.service': 'web', 'com.docker.compose.project': 'laden' },
          Env: ['SECRET=x'],
        },
      },
    });
    assert.equal(container?.name, 'laden-web-1');
    assert.equal(container?.image, 'nginx:1.27');
    assert.equal(container?.composeService, 'web');
    assert.equal(JSON.stringify(container).includes('SECRET'), false);
  });

  test('docker: a task of swarm and a container of ECS by what is the same each time', (t) => {
    for (const label of ['com.docker.swarm.service.name', 'com.amazonaws.ecs.container-name']) {
      const { container } = place(t, `/docker/${A}`, {
        [`var/lib/docker/containers/${A}/config.v2.json`]: {
          Name: '/laden_web.1.pk2s3uwbl9o6r2cx3ykd1hpzu',
          Config: { Labels: { [label]: 'laden_web' } },
        },
      });
      assert.equal(container?.composeService, 'laden_web', label);
    }
  });

  test('docker elsewhere: where its settings say, as a snap, of a user', (t) => {
    const config = { Name: '/laden-web-1', Config: {} };
    const rootless = `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`;
    const passwd = 'ann:x:1000:1000::/home/ann:/bin/sh\n';
    const moved = { 'data-root': '/data/docker' };
    for (const [path, at, files] of [
      [`/docker/${A}`, 'data/docker', { 'etc/docker/daemon.json': moved }],
      [`/docker/${A}`, 'var/snap/docker/common/var-lib-docker', { 'etc/docker/daemon.json': '{' }],
      [rootless, 'home/ann/.local/share/docker', { 'etc/passwd': passwd }],
      [rootless, 'data/docker', { 'etc/passwd': passwd, 'home/ann/.config/docker/daemon.json': moved }],
    ] as const) {
      const { container } = place(t, path, { ...files, [`${at}/containers/${A}/config.v2.json`]: config });
      assert.equal(container?.name, 'laden-web-1', at);
    }
  });

  test('docker below a kubelet: the name has everything', (t) => {
    const { container, pod } = place(t, `/kubepods/burstable/pod${UID}/${A}`, {
      [`var/lib/docker/containers/${A}/config.v2.json`]: {
        Name: `/k8s_till_till-7d9f8b6c5d-x2x7p_shop_${UID}_0`,
        Config: {},
      },
    });
    assert.equal(container?.runtime, 'docker', 'the path does not say so, the file does');
    assert.deepEqual(pod, {
      uid: UID,
      qos: 'burstable',
      name: 'till-7d9f8b6c5d-x2x7p',
      namespace: 'shop',
      container: 'till',
    });
  });

  test('containerd below a kubelet: annotations of the CRI', (t) => {
    const { container } = place(
      t,
      `/kubepods.slice/kubepods-pod${UID.replaceAll('-', '_')}.slice/cri-containerd-${A}.scope`,
      {
        [`run/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`]: {
          annotations: {
            'io.kubernetes.cri.container-name': 'till',
            'io.kubernetes.cri.container-type': 'container',
            'io.kubernetes.cri.image-name': 'registry/till:3',
            'io.kubernetes.cri.sandbox-name': 'till-0',
            'io.kubernetes.cri.sandbox-namespace': 'shop',
          },
        },
      },
    );
    assert.equal(container?.name, 'till');
    assert.equal(container?.image, 'registry/till:3');
    assert.deepEqual(container?.pod, {
      uid: UID,
      qos: 'guaranteed',
      name: 'till-0',
      namespace: 'shop',
      container: 'till',
    });
  });

  test('k3s, whose containerd lives elsewhere, and nerdctl', (t) => {
    const k3s = place(t, `/kubepods/pod${UID}/${A}`, {
      [`run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`]: {
        annotations: { 'io.kubernetes.cri.container-type': 'sandbox', 'io.kubernetes.cri.sandbox-name': 'x' },
      },
    });
    assert.deepEqual(
      [k3s.container?.sandbox, k3s.container?.runtime, k3s.pod?.name],
      [true, 'containerd', 'x'],
    );
    const nerdctl = place(t, `/default/${A}`, {
      [`run/containerd/io.containerd.runtime.v2.task/default/${A}/config.json`]: {
        annotations: { 'nerdctl/name': 'cache' },
      },
    });
    assert.equal(nerdctl.container?.name, 'cache');
  });

  test('CRI-O: annotations in its storage', (t) => {
    const { pod } = place(
      t,
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UID}.slice/crio-${A}.scope`,
      {
        [`var/lib/containers/storage/overlay-containers/${A}/userdata/config.json`]: {
          annotations: {
            'io.kubernetes.container.name': 'till',
            'io.kubernetes.pod.name': 'till-0',
            'io.kubernetes.pod.namespace': 'shop',
            'io.kubernetes.cri-o.ContainerType': 'container',
          },
        },
      },
    );
    assert.deepEqual(pod, {
      uid: UID,
      qos: 'besteffort',
      name: 'till-0',
      namespace: 'shop',
      container: 'till',
    });
  });

  test('rootless podman: in the home of the user whose systemd it is', (t) => {
    const { container } = place(
      t,
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`,
      {
        'etc/passwd': 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n',
        'home/anna/.local/share/containers/storage/overlay-containers/containers.json': [
          { id: A, names: ['diary'], metadata: '{"image-name":"localhost/diary"}' },
        ],
      },
    );
    assert.deepEqual([container?.name, container?.image], ['diary', 'localhost/diary']);
  });

  test('the kubelet alone: its log folders', (t) => {
    const link = `var/log/containers/till-0_shop_till-${A}.log`;
    const { pod } = place(t, `/kubepods/burstable/pod${UID}/${A}`, { [link]: '' });
    assert.deepEqual(pod, {
      uid: UID,
      qos: 'burstable',
      name: 'till-0',
      namespace: 'shop',
      container: 'till',
    });
    const beside = place(t, `/kubepods/burstable/pod${UID}`, {
      [`var/log/pods/shop_till-0_${UID}/till/0.log`]: '',
    });
    assert.deepEqual(beside.pod, {
      uid: UID,
      qos: 'burstable',
      name: 'till-0',
      namespace: 'shop',
      container: undefined,
    });
    assert.equal(beside.container, undefined);
  });

  test('nobody: the id is all there is, and two plain names are no container', (t) => {
    assert.deepEqual(place(t, `/docker/${A}`, {}).container?.name, undefined);
    assert.equal(place(t, '/default/web', {}).container, undefined);
  });

  test('an engine that are damaged or lead out of the root', (t) => {
    const file = `var/lib/docker/containers/${A}/config.v2.json`;
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"Name":5,"Config":[]}',
      `{"Name":"/x","Config":{"Labels":"no"}`,
    ]) {
      assert.equal(place(t, `/docker/${A}`, { [file]: text }).container?.name, undefined, text);
    }
    const outer = folder(t, { 'config.v2.json': '{"Name":"/outside"}' });
    const inner = folder(t);
    mkdirSync(join(inner, `var/lib/docker/containers/${A}`), { recursive: true });
    symlinkSync(join(outer, 'config.v2.json'), join(inner, file));
    assert.equal(
      new Containers(new Host({ root: inner })).placeOf({ v2: `/docker/${A}`, v1: {} }).container?.name,
      undefined,
    );
  });
});

test('on a hybrid machine the hierarchy that knows the container is taken', (t) => {
  const host = new Host({ root: folder(t) });
  const found = new Containers(host).placeOf({
    v2: '/system.slice/docker.service',
    v1: { 'name=systemd': '/', memory: `/docker/${A}` },
  });
  assert.equal(found.container?.id, A);
});

suite('a cgroup of the kubelet’s shape', { skip: !root && 'needs root' }, () => {
  test('gives a process its pod, by its own cgroup and by an event’s id', async (t) => {
    const files = { [`var/log/containers/till-7d9f8b6c5d-x2x7p_shop_till-${A}.log`]: '' };
    const host = new Host({ root: folder(t, files), name: 'node-1' });
    if (host.cgroup2 === undefined) return t.skip('no cgroup v2 here');
    const { path, dir } = cgroup(t, host.cgroup2, `kubepods/burstable/pod${UID}/${A}`);
    const { pid, end } = await started(t, [
      '/bin/sh',
      '-c',
      `echo $$ > ${dir}/cgroup.procs && echo ready && read x`,
    ]);
    const identities = new Identities({ host });
    const identity = identities.get(pid)!;
    assert.equal(identity.process.cgroups.v2, path);
    assert.deepEqual([identity.service.name, identity.service.rule], ['till', 'pod-owner']);
    const attributes = resourceAttributes(host, identity);
    assert.equal(attributes['k8s.pod.uid'], UID);
    assert.equal(attributes['k8s.pod.name'], 'till-7d9f8b6c5d-x2x7p');
    assert.equal(attributes['k8s.namespace.name'], 'shop');
    assert.equal(attributes['service.instance.id'], 'shop.till-7d9f8b6c5d-x2x7p.till');
    assert.equal(attributes['host.name'], 'node-1');
    await end();
    const later = new Identities({ host });
    later.exec({ pid: 2 ** 29, startTime: 1, exe: '/bin/true', cgroupId: identity.process.cgroupId });
    assert.equal(later.get(2 ** 29)?.pod?.name, 'till-7d9f8b6c5d-x2x7p');
  });
});

test('podman', { skip: (!root && 'needs root') || missing('podman') || missing('runc') }, async (t) => {
  const dir = folder(t);
  const podman = (...args: string[]) => {
    const where = [
      '--root',
      join(dir, 'var/lib/containers/storage'),
      '--runroot',
      join(dir, 'run/containers/storage'),
    ];
    const how = [
      '--runtime',
      'runc',
      '--cgroup-manager',
      'cgroupfs',
      '--storage-driver',
      'vfs',
      '--events-backend',
      'none',
    ];
    const tmp = ['--tmpdir', join(dir, 'tmp')];
    return execFileSync('podman', [...where, ...how, ...tmp, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  };
  const parent = cgroupName(t);
  execFileSync('tar', ['-C', tinyRoot(folder(t)), '-cf', join(dir, 'root.tar'), '.']);
  podman('import', join(dir, 'root.tar'), 'localhost/tiny');
  afterwards(t, () => podman('rm', '-af', '-t', '0'));
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
  const id = podman(
    'run',
    '-d',
    '--name',
    'kasse',
    '--network',
    'host',
    '--cgroup-parent',
    `/${parent}`,
    ...limits,
    'localhost/tiny',
    '/bin/busybox',
    'sleep',
    '100000',
  );
  const pid = Number(podman('inspect', '-f', '{{.State.Pid}}', 'kasse'));
  const identity = new Identities({ host: new Host({ root: dir }) }).get(pid)!;
  assert.deepEqual([identity.container?.id, identity.container?.runtime], [id, 'podman']);
  assert.deepEqual([identity.container?.name, identity.container?.image], ['kasse', 'localhost/tiny:latest']);
  assert.deepEqual([identity.service.name, identity.service.rule], ['kasse', 'container-name']);
  assert.equal(identity.process.exe, '/bin/busybox', 'as the container sees it');
  assert.equal(identity.process.innerPid, 1);
});

test('containerd', {
  skip: (!root && 'needs root') || missing('containerd') || missing('runc'),
}, async (t) => {
  const dir = folder(t);
  // Before the daemon, hence removed after it.
  const parent = cgroupName(t);
  const containerd = await Containerd.start(dir);
  afterwards(t, () => containerd[Symbol.asyncDispose]());
  const long = randomBytes(32).toString('hex');
  const command = ['sleep', '100000'];
  const annotations = {
    'io.kubernetes.cri.container-name': 'till',
    'io.kubernetes.cri.sandbox-name': 'till-7d9f8b6c5d-x2x7p',
    'io.kubernetes.cri.sandbox-namespace': 'shop',
  };
  const inPod = `/${parent}/kubepods/burstable/pod${UID}/${long}`;
  const pid = containerd.run({ id: long, cgroup: inPod, annotations, command });
  const identities = new Identities({ host: new Host({ root: dir }) });
  const identity = identities.get(pid)!;
  assert.deepEqual(identity.pod, {
    uid: UID,
    qos: 'burstable',
    name: 'till-7d9f8b6c5d-x2x7p',
    namespace: 'shop',
    container: 'till',
  });
  assert.deepEqual([identity.container?.id, identity.container?.runtime], [long, 'containerd']);
  assert.deepEqual([identity.service.name, identity.service.rule], ['till', 'pod-owner']);
  // As `ctr run` does it by itself: NAMESPACE/ID is the whole path.
  const named = containerd.run({ id: 'mailer', cgroup: `/${parent}/mailer`, command });
  assert.equal(identities.get(named)?.container, undefined, 'not in the folder of its namespace');
  const paths = { v2: '/k8s.io/mailer', v1: {} };
  const { container } = new Containers(identities.host).placeOf(paths);
  assert.deepEqual([container?.id, container?.name, container?.runtime], ['mailer', 'mailer', 'containerd']);
});
