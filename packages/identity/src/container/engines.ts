import type { Host } from '../host/host.ts';
import {
  type ContainerFile,
  fromKubernetesName,
  fromLabels,
  object,
  parseObject,
  present,
} from './labels.ts';

const LONGEST = 2 * 1024 * 1024;

/**
 * DOCKER/containers/ID/config.v2.json
 *
 * @param home of the user whose rootless docker it may be
 */
export function fromDocker(host: Host, id: string, home?: string): ContainerFile | undefined {
  const file = (root: string) =>
    parseObject(host.rootText(`${root}/containers/${id}/config.v2.json`, LONGEST));
  let config: Record<string, unknown> | undefined;
  for (const root of dockerRoots(host, home)) config ??= file(root);
  if (config === undefined) return undefined;
  const inner = object(config.Config) ?? {};
  const name = typeof config.Name === 'string' ? config.Name.replace(/^\//, '') : undefined;
  const image = typeof inner.Image === 'string' ? inner.Image : undefined;
  return {
    ...present({ name, image }),
    ...fromKubernetesName(name ?? ''),
    ...fromLabels(object(inner.Labels) ?? {}),
  };
}

/** Where docker keeps its things: usually, as its settings say, and as a snap. */
function* dockerRoots(host: Host, home: string | undefined): Generator<string> {
  if (home !== undefined) yield `${home}/.local/share/docker`;
  yield '/var/lib/docker';
  const settings = home === undefined ? '/etc/docker' : `${home}/.config/docker`;
  const moved = parseObject(host.rootText(`${settings}/daemon.json`, LONGEST))?.['data-root'];
  if (typeof moved === 'string' && moved.startsWith('/')) yield moved;
  yield '/var/snap/docker/common/var-lib-docker';
}

const containerdRuns = [
  '/run/containerd',
  '/run/k3s/containerd',
  '/run/docker/containerd',
  '/var/snap/microk8s/common/run/containerd',
];

/** The OCI configuration that containerd wrote for its shim: STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json */
export function fromContainerd(
  host: Host,
  id: string,
  namespace?: string,
): (ContainerFile & { namespace: string }) | undefined {
  for (const run of containerdRuns) {
    const tasks = `${run}/io.containerd.runtime.v2.task`;
    for (const ns of namespace === undefined ? host.rootList(tasks) : [namespace]) {
      const spec = parseObject(host.rootText(`${tasks}/${ns}/${id}/config.json`, LONGEST));
      if (spec === undefined) continue;
      const labels = fromLabels(object(spec.annotations) ?? {});
      // An id that somebody chose (ctr run IMAGE web) is the only name there is.
      const chosen = /^[0-9a-f]{64}$/.test(id) ? {} : { name: id };
      return { ...chosen, ...labels, namespace: ns };
    }
  }
  return undefined;
}

const drivers = ['overlay', 'vfs', 'btrfs', 'zfs'];

/**
 * containers/storage, which podman, CRI-O and buildah share: DRIVER-containers/containers.json has names, and
 * ID/userdata/config.json the annotations.
 *
 * @param home of the user whose rootless podman it may be
 */
export function fromStorage(host: Host, id: string, home?: string): ContainerFile | undefined {
  const roots = home === undefined ? [] : [`${home}/.local/share/containers/storage`];
  for (const root of [...roots, '/var/lib/containers/storage']) {
    for (const driver of drivers) {
      const listed = listedIn(host, `${root}/${driver}-containers`, id);
      const spec =
        parseObject(host.rootText(`${root}/${driver}-containers/${id}/userdata/config.json`, LONGEST)) ??
        parseObject(
          host.rootText(`/run/containers/storage/${driver}-containers/${id}/userdata/config.json`, LONGEST),
        );
      if (listed === undefined && spec === undefined) continue;
      return {
        ...listed,
        ...fromKubernetesName(listed?.name ?? ''),
        ...fromLabels(object(spec?.annotations) ?? {}),
      };
    }
  }
  return undefined;
}

function listedIn(host: Host, folder: string, id: string): ContainerFile | undefined {
  for (const file of ['containers.json', 'volatile-containers.json']) {
    const text = host.rootText(`${folder}/${file}`, 2 * LONGEST);
    if (text === undefined || !text.includes(id)) continue;
    const list = parseObject(`{"list":${text}}`)?.list;
    const found = Array.isArray(list) ? list.map(object).find((c) => c?.id === id) : undefined;
    if (found === undefined) continue;
    const names: unknown[] = Array.isArray(found.names) ? found.names : [];
    const metadata = parseObject(typeof found.metadata === 'string' ? found.metadata : undefined) ?? {};
    const name = [names[0], metadata.name].find((n) => typeof n === 'string');
    const image = metadata['image-name'];
    return present({
      name: name as string | undefined,
      image: typeof image === 'string' ? image : undefined,
    });
  }
  return undefined;
}

/** The home folder of a user of the machine. */
export function homeOf(host: Host, uid: number): string | undefined {
  const line = (host.rootText('/etc/passwd', 1024 * 1024) ?? '')
    .split('\n')
    .find((l) => l.split(':')[2] === String(uid));
  return line?.split(':')[5] || undefined;
}
