import { type UnitKind, unescapeFolder, unescapeUnit, unitKind } from './systemd.ts';

/** Engines whose containers are recognised by their cgroup. */
export type ContainerRuntime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'buildkit'
  | 'buildah'
  | 'lxc'
  | 'systemd-nspawn'
  | 'garden'
  | 'mesos';

/** A container, as far as a path can tell. */
export interface CgroupContainer {
  /** Mostly 64 hexadecimal digits; a name for LXC, nspawn and containerd's `ctr`. */
  id: string;
  /** Absent where the path leaves it open: Kubernetes with the cgroupfs driver names no engine. */
  runtime?: ContainerRuntime;
}

export type Qos = 'guaranteed' | 'burstable' | 'besteffort';

export interface CgroupPod {
  /** As Kubernetes writes it; a static pod's is 32 hexadecimal digits without dashes. */
  uid: string;
  qos: Qos;
}

export interface CgroupUnit {
  /** As systemd names it, escapes and suffix included: `nginx.service`, `session-3.scope`. */
  name: string;
  kind: Exclude<UnitKind, 'slice'>;
  /** The unit of a user's own systemd, and whose. */
  user?: number;
}

/** What the path of a cgroup says about who is in it. */
export interface CgroupMeaning {
  /** The innermost container. */
  container?: CgroupContainer;
  /** Containers around it, outermost first: a `kind` node, the outer docker of docker-in-docker. */
  outer: readonly CgroupContainer[];
  /** The innermost pod around the process; a docker inside a pod's container is in that pod too. */
  pod?: CgroupPod;
  /** The innermost systemd unit within the innermost container; the unit that runs it, if podman made it part of one. */
  unit?: CgroupUnit;
  /** The innermost slice, as systemd names it. */
  slice?: string;
  /** An ECS task, where its id is in the path. */
  ecsTask?: string;
  /** A path of two plain names, as containerd's `ctr` makes them: NAMESPACE/ID, if its state folder confirms it. */
  maybeContainerd?: { namespace: string; id: string };
}

const ID = '[0-9a-f]{64}';
const UID = '[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}';

/** PREFIX-ID, with or without `.scope`: what engines call a container's own folder. */
const prefixed =
  /^(docker|cri-containerd|containerd|nerdctl|crio|libpod-payload|libpod|buildah-buildah|cri-dockerd)-([0-9a-f]{12,64}|[0-9a-f]{10,64})(?:\.scope)?$/;
const runtimes: Record<string, ContainerRuntime> = {
  docker: 'docker',
  'cri-dockerd': 'docker',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  'libpod-payload': 'podman',
  'buildah-buildah': 'buildah',
};
/** `kubepods-burstable-podUID.slice:cri-containerd:ID`: a systemd path given to a cgroupfs driver. */
const colons = /^(.+\.slice):([a-z-]+):([0-9a-zA-Z_.-]+)$/;
const podSlice = new RegExp(
  `^(?:.*-)?kubepods(?:-(burstable|besteffort|guaranteed))?-pod(${UID})(?:\\.slice)?$`,
);
const podFolder = new RegExp(`^pod(${UID})$`);
const plainId = new RegExp(`^(?:${ID}|[0-9a-f]{32}-[0-9]{6,12})$`);
const ecsTaskId = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * Reads the path of a cgroup: which container, which pod, which unit. A pure function of the path: it asks no engine
 * and no file, so it also serves paths of events and of processes long gone.
 *
 * @param path as in /proc/PID/cgroup, also relative (`/../cri-containerd-….scope`), v1 or v2
 * @example readCgroupPath('/system.slice/docker-4f79….scope').container // { id: '4f79…', runtime: 'docker' }
 */
export function readCgroupPath(path: string): CgroupMeaning {
  const folders = path
    .split('/')
    .filter((f) => f !== '' && f !== '..' && f !== '.')
    .map(unescapeFolder);
  const containers: CgroupContainer[] = [];
  let pod: CgroupPod | undefined;
  let unit: CgroupUnit | undefined;
  let slice: string | undefined;
  let user: number | undefined;
  let ecsTask: string | undefined;
  for (let i = 0; i < folders.length; i++) {
    let folder = folders[i]!;
    const before = folders[i - 1];
    const parts = colons.exec(folder);
    if (parts !== null) {
      pod = podOf(parts[1]!) ?? pod;
      folder = `${parts[2]}-${parts[3]}`;
    }
    const foundPod = podOf(folder, before);
    if (foundPod !== undefined) {
      pod = foundPod;
      unit = undefined;
      if (folder.endsWith('.slice')) slice = folder;
      continue;
    }
    const container =
      parts !== null
        ? ofColons(parts[2]!, parts[3]!)
        : containerOf(folder, before, folders[i - 2], pod !== undefined);
    if (container !== undefined) {
      // Podman's split cgroups put a container below the unit that runs it: they are one thing.
      if (!folder.startsWith('libpod-payload-')) unit = undefined;
      user = undefined;
      containers.push(container);
      continue;
    }
    if (before === 'ecs' && ecsTaskId.test(folder)) ecsTask = folder;
    const task = /^ecstasks-([0-9a-f]{32})\.slice$/i.exec(folder)?.[1];
    if (task !== undefined) ecsTask = task;
    const kind = unitKind(folder);
    if (kind === 'slice') slice = folder;
    else if (kind !== undefined) {
      const manager = /^user@(\d+)\.service$/.exec(folder)?.[1];
      if (manager !== undefined) user = Number(manager);
      unit = { name: folder, kind, user: manager === undefined ? user : undefined };
    }
  }
  const container = containers.pop();
  const [namespace, id] = folders;
  const plain = container === undefined && folders.length === 2 && pod === undefined && unit === undefined;
  return {
    container,
    outer: containers,
    pod,
    unit: unit?.user === undefined && unit !== undefined ? { name: unit.name, kind: unit.kind } : unit,
    slice,
    ecsTask,
    maybeContainerd:
      plain && slice === undefined && !namespace!.endsWith('kubepods')
        ? { namespace: namespace!, id: id! }
        : undefined,
  };
}

function podOf(folder: string, before?: string): CgroupPod | undefined {
  const inSlice = podSlice.exec(folder);
  if (inSlice !== null) {
    return { uid: inSlice[2]!.replaceAll('_', '-'), qos: (inSlice[1] as Qos | undefined) ?? 'guaranteed' };
  }
  const uid = podFolder.exec(folder)?.[1];
  if (uid === undefined) return undefined;
  const qos: Qos = before === 'burstable' || before === 'besteffort' ? before : 'guaranteed';
  return { uid: uid.replaceAll('_', '-'), qos };
}

function ofColons(prefix: string, id: string): CgroupContainer {
  return { id, runtime: runtimes[prefix] };
}

function containerOf(
  folder: string,
  before: string | undefined,
  beforeThat: string | undefined,
  inPod: boolean,
): CgroupContainer | undefined {
  const named = prefixed.exec(folder);
  if (named !== null) return { id: named[2]!, runtime: runtimes[named[1]!] };
  if (plainId.test(folder)) return { id: folder, runtime: engineAround(before, beforeThat, inPod) };
  if (before === 'buildkit' && /^[0-9a-z]{25}$/.test(folder)) return { id: folder, runtime: 'buildkit' };
  const lxc = /^lxc\.payload[.-](.+)$/.exec(folder)?.[1];
  if (lxc !== undefined) return { id: lxc, runtime: 'lxc' };
  if (before === 'lxc' || before === 'lxc.payload') return { id: folder, runtime: 'lxc' };
  const nspawn = /^systemd-nspawn@(.+)\.service$/.exec(folder)?.[1];
  if (nspawn !== undefined) return { id: unescapeUnit(nspawn), runtime: 'systemd-nspawn' };
  // machined registers virtual machines in the same way: those are no containers.
  const machine = /^machine-(?!qemu|lxc)(.+)\.scope$/.exec(folder)?.[1];
  if (machine !== undefined) return { id: unescapeUnit(machine), runtime: 'systemd-nspawn' };
  const machineLxc = /^machine-lxc\\x2d\d+\\x2d(.+)\.scope$/.exec(folder)?.[1];
  if (machineLxc !== undefined) return { id: unescapeUnit(machineLxc), runtime: 'lxc' };
  if (before === 'garden' && /^[0-9a-z-]{11,36}$/.test(folder)) return { id: folder, runtime: 'garden' };
  if (before === 'mesos' && /^[0-9a-f-]{36}$/.test(folder)) return { id: folder, runtime: 'mesos' };
  return undefined;
}

/** Folders that say who made a container whose own folder is only its id. */
function engineAround(
  before: string | undefined,
  beforeThat: string | undefined,
  inPod: boolean,
): ContainerRuntime | undefined {
  if (before === 'docker' || before === 'actions_job' || before === 'ecs' || beforeThat === 'ecs')
    return 'docker';
  if (before === 'libpod_parent') return 'podman';
  if (before === 'default' || before === 'k8s.io') return 'containerd';
  if (before === 'moby') return 'docker';
  // The bare id at the top, or below a --cgroup-parent, is how old docker did it; below a pod it may be anybody's.
  return inPod || before !== undefined ? undefined : 'docker';
}
