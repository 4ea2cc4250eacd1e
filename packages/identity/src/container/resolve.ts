import {
  type CgroupContainer,
  type CgroupMeaning,
  type ContainerRuntime,
  type Qos,
  readCgroupPath,
} from '../cgroup/container.ts';
import { type CgroupPaths, pathsInOrder } from '../cgroup/file.ts';
import type { Host } from '../host/host.ts';
import { fromContainerd, fromDocker, fromStorage, homeOf } from './engines.ts';
import { fromKubelet } from './kubelet.ts';
import type { ContainerFile } from './labels.ts';

/** The pod that a process is in. Without an API server its labels and owner are unknown. */
export interface Pod {
  uid: string;
  qos: Qos;
  name?: string;
  namespace?: string;
  /** The container's name within the pod. */
  container?: string;
}

/** The container that a process is in: from its cgroup, and named by the files of the engine, without asking a daemon. */
export interface Container {
  id: string;
  runtime?: ContainerRuntime;
  name?: string;
  image?: string;
  /** Of docker compose, also of swarm and ECS. */
  composeService?: string;
  composeProject?: string;
  /** A pod's sandbox. */
  sandbox?: boolean;
  /** Containers around it, outermost first. */
  outer: readonly CgroupContainer[];
  pod?: Pod;
}

/** A process's place: container, pod, unit. */
export interface Place {
  container?: Container;
  /** Set also for processes of a pod that are in none of its containers. */
  pod?: Pod;
  meaning: CgroupMeaning;
}

const CAP = 4096;
/** An engine writes its files before it starts a container, or shortly after: what is not there is looked for again. */
const RETRY_MS = 5_000;

/** Finds containers and keeps what it has found: the files of an engine are read once a container. */
export class Containers {
  readonly #host: Host;
  readonly #places = new Map<string, { place: Place; complete: boolean; at: number }>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Where a process with these cgroups is. */
  placeOf(paths: CgroupPaths): Place {
    const candidates = pathsInOrder(paths);
    const key = candidates.join('\n');
    const known = this.#places.get(key);
    if (known !== undefined && (known.complete || performance.now() - known.at < RETRY_MS)) {
      this.#places.delete(key);
      this.#places.set(key, known);
      return known.place;
    }
    const { path, meaning } = mostTelling(candidates);
    const place = this.#resolve(path, meaning);
    this.#places.set(key, { place, complete: isNamed(place), at: performance.now() });
    if (this.#places.size > CAP) this.#places.delete(this.#places.keys().next().value!);
    return place;
  }

  #resolve(path: string, meaning: CgroupMeaning): Place {
    const host = this.#host;
    const { maybeContainerd } = meaning;
    let container = meaning.container;
    let file: ContainerFile | undefined;
    if (container !== undefined) file = this.#ask(path, container);
    else if (maybeContainerd !== undefined) {
      const { id, namespace } = maybeContainerd;
      file = fromContainerd(host, id, namespace);
      if (file !== undefined) container = { id, runtime: 'containerd' };
    }
    if (container !== undefined && container.runtime === undefined)
      container = { ...container, runtime: this.#engine };
    // In kind the inner kubelet's files are in the node's own root, not in ours: the path's pod is all there is.
    const cri = file?.podName === undefined ? fromKubelet(host, container?.id, meaning.pod?.uid) : undefined;
    const said = { ...cri, ...file };
    const pod: Pod | undefined = meaning.pod && {
      ...meaning.pod,
      name: said.podName,
      namespace: said.podNamespace,
      container: said.podContainer,
    };
    if (container === undefined) return { pod, meaning };
    return {
      container: {
        ...container,
        name: said.name ?? said.podContainer,
        image: said.image,
        composeService: said.composeService,
        composeProject: said.composeProject,
        sandbox: said.sandbox,
        outer: meaning.outer,
        pod,
      },
      pod,
      meaning,
    };
  }

  /** Whose file described a container without a named engine. */
  #engine: ContainerRuntime | undefined;

  #ask(path: string, { id, runtime }: CgroupContainer): ContainerFile | undefined {
    const host = this.#host;
    const user = /\/user@(\d+)\.service\//.exec(path)?.[1];
    const home = () => (user === undefined ? undefined : homeOf(host, Number(user)));
    const engines: [ContainerRuntime, () => ContainerFile | undefined][] = [
      ['docker', () => fromDocker(host, id, home())],
      ['containerd', () => fromContainerd(host, id)],
      ['cri-o', () => fromStorage(host, id, home())],
    ];
    const same = runtime === 'podman' || runtime === 'buildah' ? 'cri-o' : runtime;
    this.#engine = undefined;
    for (const [engine, ask] of engines) {
      if (same !== undefined && same !== engine) continue;
      const file = ask();
      if (file === undefined) continue;
      this.#engine = engine;
      return file;
    }
    return undefined;
  }
}

/** Of the hierarchies that a process is in, the one that says most: on a hybrid machine only some know of the container. */
function mostTelling(candidates: readonly string[]): { path: string; meaning: CgroupMeaning } {
  const read = candidates.map((path) => ({ path, meaning: readCgroupPath(path) }));
  for (const what of ['container', 'pod', 'unit', 'maybeContainerd'] as const) {
    const found = read.find((r) => r.meaning[what] !== undefined);
    if (found !== undefined) return found;
  }
  return read[0] ?? { path: '/', meaning: { outer: [] } };
}

/** Nothing is left to be found out about it. */
function isNamed({ container, pod, meaning }: Place): boolean {
  if (container === undefined && pod === undefined) return meaning.maybeContainerd === undefined;
  return container?.name !== undefined || pod?.name !== undefined;
}
