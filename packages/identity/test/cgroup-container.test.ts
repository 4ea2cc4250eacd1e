// Shapes of cgroup paths as engines, kubelets and systemd make them, gathered from what the public reports about them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type CgroupMeaning, readCgroupPath } from '../src/index.ts';

const A = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970';
const B = 'b3fcc94cd6a1c263626ac6283d30ab854d9437379ec1a618b233c7c929891819';
const U = '2c48913c-b29f-11e7-9350-020968147796';
const U_ = U.replaceAll('-', '_');
const STATIC = 'b8d5c2f0a1e34f6c9d7e8a0b1c2d3e4f';

type Row = [path: string, said: Partial<CgroupMeaning>];
const docker = { id: A, runtime: 'docker' } as const;
const containerd = { id: A, runtime: 'containerd' } as const;
const crio = { id: A, runtime: 'cri-o' } as const;
const podman = { id: A, runtime: 'podman' } as const;
const pod = (qos: 'guaranteed' | 'burstable' | 'besteffort', uid: string = U) => ({ uid, qos });
const service = (name: string) => ({ name, kind: 'service' }) as const;

const tables: Record<string, Row[]> = {
  docker: [
    [`/docker/${A}`, { container: docker }],
    [`/system.slice/docker-${A}.scope`, { container: docker, slice: 'system.slice' }],
    [`/docker.slice/docker-${A}.scope`, { container: docker, slice: 'docker.slice' }],
    [
      `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope`,
      { container: docker, slice: 'user.slice' },
    ],
    [`/${A}`, { container: docker }],
    [`/custom.parent/${A}`, { container: { id: A } }],
    [`/actions_job/${A}`, { container: docker }],
    [`/ecs/${STATIC}/${A}`, { container: docker, ecsTask: STATIC }],
    [`/ecs/${U}/${A}`, { container: docker, ecsTask: U }],
    [
      `/ecs/${STATIC}/${STATIC}-2531612879`,
      { container: { id: `${STATIC}-2531612879`, runtime: 'docker' }, ecsTask: STATIC },
    ],
    [
      `/ecstasks.slice/ecstasks-${STATIC}.slice/docker-${A}.scope`,
      { container: docker, ecsTask: STATIC, slice: `ecstasks-${STATIC}.slice` },
    ],
    [
      `/docker/buildkit/n4eu0udvbz9vfzjy71jkvgkwh`,
      { container: { id: 'n4eu0udvbz9vfzjy71jkvgkwh', runtime: 'buildkit' } },
    ],
    [`/docker/${A}/init`, { container: docker }],
    [`/docker/${A}/kubelet`, { container: docker }],
  ],
  'containerd and nerdctl': [
    [`/default/${A}`, { container: containerd }],
    [`/system.slice/nerdctl-${A}.scope`, { container: containerd, slice: 'system.slice' }],
    ['/default/redis', { maybeContainerd: { namespace: 'default', id: 'redis' } }],
    [`/moby/${A}`, { container: docker }],
    [
      `/system.slice/containerd.service/kubepods-burstable-pod${U_}.slice:cri-containerd:${A}`,
      { container: containerd, pod: pod('burstable'), slice: 'system.slice' },
    ],
    [
      `/system.slice/k3s.service/kubepods-besteffort-pod${U_}.slice:cri-containerd:${A}`,
      { container: containerd, pod: pod('besteffort'), slice: 'system.slice' },
    ],
    [
      `/kubepods-besteffort-pod${U_}.slice:cri-containerd:${A}`,
      { container: containerd, pod: pod('besteffort') },
    ],
    [
      `/system.slice/containerd.service/kubepods-pod${U}.slice:cri-containerd:1234567890abcdef`,
      {
        container: { id: '1234567890abcdef', runtime: 'containerd' },
        pod: pod('guaranteed'),
        slice: 'system.slice',
      },
    ],
  ],
  'kubelet with the cgroupfs driver': [
    [`/kubepods/burstable/pod${U}/${A}`, { container: { id: A }, pod: pod('burstable') }],
    [`/kubepods/besteffort/pod${U}/${A}`, { container: { id: A }, pod: pod('besteffort') }],
    [`/kubepods/pod${U}/${A}`, { container: { id: A }, pod: pod('guaranteed') }],
    [`/kubepods/burstable/pod${STATIC}/${A}`, { container: { id: A }, pod: pod('burstable', STATIC) }],
    [`/kubepods/burstable/pod${U}/crio-${A}`, { container: crio, pod: pod('burstable') }],
    [`/kubepods/burstable/pod${U}/cri-containerd-${A}`, { container: containerd, pod: pod('burstable') }],
    [`/kubepods/burstable/pod${U}`, { pod: pod('burstable') }],
    [`/kubepods`, {}],
    [`/kubepods/burstable`, {}],
    [`/../../pod${U}/${A}`, { container: { id: A }, pod: pod('guaranteed') }],
    [`/../../burstable/pod${U}/${A}`, { container: { id: A }, pod: pod('burstable') }],
  ],
  'kubelet with the systemd driver': [
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${U_}.slice/cri-containerd-${A}.scope`,
      { container: containerd, pod: pod('burstable'), slice: `kubepods-burstable-pod${U_}.slice` },
    ],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${U_}.slice/crio-${A}.scope`,
      { container: crio, pod: pod('besteffort'), slice: `kubepods-besteffort-pod${U_}.slice` },
    ],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${U_}.slice/crio-${A}.scope/container`,
      { container: crio, pod: pod('besteffort'), slice: `kubepods-besteffort-pod${U_}.slice` },
    ],
    [
      `/kubepods.slice/kubepods-pod${U_}.slice/docker-${A}.scope`,
      { container: docker, pod: pod('guaranteed'), slice: `kubepods-pod${U_}.slice` },
    ],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${STATIC}.slice/crio-${A}.scope`,
      { container: crio, pod: pod('burstable', STATIC), slice: `kubepods-burstable-pod${STATIC}.slice` },
    ],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${U}.slice/docker-${A}.scope`,
      { container: docker, pod: pod('burstable'), slice: `kubepods-burstable-pod${U}.slice` },
    ],
    [`/../cri-containerd-${A}.scope`, { container: containerd }],
    [`/../crio-${A}.scope`, { container: crio }],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${U_}.slice/crio-conmon-${A}.scope`,
      {
        pod: pod('burstable'),
        slice: `kubepods-burstable-pod${U_}.slice`,
        unit: { name: `crio-conmon-${A}.scope`, kind: 'scope' },
      },
    ],
  ],
  'kind, docker in docker, nested kubelets': [
    [
      `/docker/${B}/kubelet/kubepods/besteffort/pod${U}/${A}`,
      { container: { id: A }, outer: [{ id: B, runtime: 'docker' }], pod: pod('besteffort') },
    ],
    [
      `/system.slice/docker-${B}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${U_}.slice/cri-containerd-${A}.scope`,
      {
        container: containerd,
        outer: [{ id: B, runtime: 'docker' }],
        pod: pod('besteffort'),
        slice: `kubelet-kubepods-besteffort-pod${U_}.slice`,
      },
    ],
    [
      `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${U_}.slice/cri-containerd-${A}.scope`,
      { container: containerd, pod: pod('guaranteed'), slice: `kubelet-kubepods-pod${U_}.slice` },
    ],
    [`/docker/${B}/docker/${A}`, { container: docker, outer: [{ id: B, runtime: 'docker' }] }],
    [
      `/docker/${B}/system.slice/kubelet.service`,
      { container: { id: B, runtime: 'docker' }, unit: service('kubelet.service'), slice: 'system.slice' },
    ],
    // A pod that runs docker itself: the inner container is docker's, and in the pod still.
    [
      `/kubepods/burstable/pod${U}/${B}/docker/${A}`,
      { container: docker, outer: [{ id: B }], pod: pod('burstable') },
    ],
    [`/lxc.payload.web/docker/${A}`, { container: docker, outer: [{ id: 'web', runtime: 'lxc' }] }],
    [
      `/system.slice/docker-${B}.scope/system.slice/nginx.service`,
      { container: { id: B, runtime: 'docker' }, unit: service('nginx.service'), slice: 'system.slice' },
    ],
  ],
  podman: [
    [`/machine.slice/libpod-${A}.scope`, { container: podman, slice: 'machine.slice' }],
    [`/machine.slice/libpod-${A}.scope/container`, { container: podman, slice: 'machine.slice' }],
    [`/libpod_parent/libpod-${A}`, { container: podman }],
    [
      `/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope`,
      { container: podman, slice: `machine-libpod_pod_${B}.slice` },
    ],
    [
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope/container`,
      { container: podman, slice: 'user.slice' },
    ],
    [
      `/system.slice/nginx.service/libpod-payload-${A}`,
      { container: podman, unit: service('nginx.service'), slice: 'system.slice' },
    ],
    [
      `/user.slice/user-1001.slice/user@1001.service/app.slice/caddy.service/libpod-payload-${A}`,
      { container: podman, unit: { name: 'caddy.service', kind: 'service', user: 1001 }, slice: 'app.slice' },
    ],
    [
      `/machine.slice/libpod-conmon-${A}.scope`,
      { unit: { name: `libpod-conmon-${A}.scope`, kind: 'scope' }, slice: 'machine.slice' },
    ],
    [`/libpod_parent/conmon`, { maybeContainerd: { namespace: 'libpod_parent', id: 'conmon' } }],
  ],
  'lxc, nspawn and others': [
    [
      '/lxc.payload.web/system.slice/nginx.service',
      { container: { id: 'web', runtime: 'lxc' }, unit: service('nginx.service'), slice: 'system.slice' },
    ],
    ['/lxc/101/ns/system.slice', { container: { id: '101', runtime: 'lxc' }, slice: 'system.slice' }],
    ['/lxc.payload/web', { container: { id: 'web', runtime: 'lxc' } }],
    ['/lxc.monitor.web', {}],
    [
      '/machine.slice/systemd-nspawn@debian.service/payload',
      { container: { id: 'debian', runtime: 'systemd-nspawn' }, slice: 'machine.slice' },
    ],
    [
      '/machine.slice/machine-my\\x2ddebian.scope/payload/system.slice/ssh.service',
      {
        container: { id: 'my-debian', runtime: 'systemd-nspawn' },
        unit: service('ssh.service'),
        slice: 'system.slice',
      },
    ],
    [
      '/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator',
      { unit: { name: 'machine-qemu\\x2d1\\x2dvm.scope', kind: 'scope' }, slice: 'machine.slice' },
    ],
    [
      '/machine.slice/machine-lxc\\x2d1234\\x2dweb.scope',
      { container: { id: 'web', runtime: 'lxc' }, slice: 'machine.slice' },
    ],
    [
      '/system.slice/garden.service/garden/70eb4134-9a0c-4f56-7ce3-7e8f',
      { container: { id: '70eb4134-9a0c-4f56-7ce3-7e8f', runtime: 'garden' }, slice: 'system.slice' },
    ],
  ],
  systemd: [
    ['/system.slice/nginx.service', { unit: service('nginx.service'), slice: 'system.slice' }],
    [
      '/system.slice/system-postgresql.slice/postgresql@15-main.service',
      { unit: service('postgresql@15-main.service'), slice: 'system-postgresql.slice' },
    ],
    ['/system.slice/foo.service/worker/1', { unit: service('foo.service'), slice: 'system.slice' }],
    [
      '/user.slice/user-1000.slice/session-3.scope',
      { unit: { name: 'session-3.scope', kind: 'scope' }, slice: 'user-1000.slice' },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service/init.scope',
      { unit: { name: 'init.scope', kind: 'scope', user: 1000 }, slice: 'user-1000.slice' },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service/app.slice/my\\x2dapp.service',
      { unit: { name: 'my\\x2dapp.service', kind: 'service', user: 1000 }, slice: 'app.slice' },
    ],
    [
      '/user.slice/user-1000.slice/user@1000.service',
      { unit: service('user@1000.service'), slice: 'user-1000.slice' },
    ],
    ['/init.scope', { unit: { name: 'init.scope', kind: 'scope' } }],
    ['/system.slice', { slice: 'system.slice' }],
    ['/system.slice/_tasks.service', { unit: service('tasks.service'), slice: 'system.slice' }],
    ['/', {}],
    ['', {}],
    [
      '/process_api/685468b83f3d53f1de9776576af093a3',
      { maybeContainerd: { namespace: 'process_api', id: '685468b83f3d53f1de9776576af093a3' } },
    ],
    ['/a/b/c', {}],
  ],
};

for (const [name, rows] of Object.entries(tables)) {
  suite(name, () => {
    for (const [path, said] of rows) {
      test(path.replaceAll(A, 'A').replaceAll(B, 'B') || 'nothing', () => {
        const got = Object.entries(readCgroupPath(path)).filter(([, v]) => v !== undefined);
        const want = Object.entries({ outer: [], ...said });
        const plain = (entries: [string, unknown][]) =>
          JSON.parse(JSON.stringify(Object.fromEntries(entries)));
        assert.deepEqual(plain(got), plain(want));
      });
    }
  });
}
