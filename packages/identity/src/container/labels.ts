/** What the files of an engine say about a container; each may leave anything out. */
export interface ContainerFile {
  name?: string;
  image?: string;
  composeService?: string;
  composeProject?: string;
  podName?: string;
  podNamespace?: string;
  podUid?: string;
  /** The container's name within its pod. */
  podContainer?: string;
  /** A pod's sandbox (pause): no service of its own. */
  sandbox?: boolean;
}

/** Labels and annotations, whichever engine wrote them. */
export function fromLabels(labels: Readonly<Record<string, unknown>>): ContainerFile {
  const text = (...keys: string[]): string | undefined => {
    for (const key of keys) {
      const value = labels[key];
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
  const type = text(
    'io.kubernetes.cri.container-type',
    'io.kubernetes.cri-o.ContainerType',
    'io.kubernetes.docker.type',
  );
  return present({
    name: text('nerdctl/name'),
    image: text(
      'io.kubernetes.cri.image-name',
      'io.kubernetes.cri-o.ImageName',
      'org.opencontainers.image.ref.name',
    ),
    composeService: text(
      'com.docker.compose.service',
      'io.podman.compose.service',
      // Their containers' own names are others each time.
      'com.docker.swarm.service.name',
      'com.amazonaws.ecs.container-name',
    ),
    composeProject: text('com.docker.compose.project', 'io.podman.compose.project'),
    podName: text('io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name', 'io.kubernetes.cri-o.KubeName'),
    podNamespace: text(
      'io.kubernetes.cri.sandbox-namespace',
      'io.kubernetes.pod.namespace',
      'io.kubernetes.cri-o.Namespace',
    ),
    podUid: text('io.kubernetes.cri.sandbox-uid', 'io.kubernetes.pod.uid'),
    podContainer: text('io.kubernetes.cri.container-name', 'io.kubernetes.container.name'),
    sandbox: type === 'sandbox' || type === 'podsandbox' || undefined,
  });
}

/**
 * `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`: the name that dockershim, cri-dockerd and CRI-O give to a container; for a
 * sandbox CRI-O leaves the first part out.
 */
export function fromKubernetesName(name: string): ContainerFile {
  const parts = name.split('_');
  if (parts[0] !== 'k8s' || parts.length < 5) return {};
  const [podContainer, podName, podNamespace, podUid] =
    parts.length > 5 ? parts.slice(1) : [undefined, ...parts.slice(1)];
  const sandbox = podContainer === 'POD' || podContainer === undefined || undefined;
  return present({
    podContainer: sandbox ? undefined : podContainer,
    podName,
    podNamespace,
    podUid,
    sandbox,
  });
}

/** Without what is undefined, so that merging keeps what is known. */
export function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

/** Parses a file of an engine; undefined when it is none, or cut. */
export function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    return object(JSON.parse(text));
  } catch {
    return undefined; // being written just now, or not JSON: the same as absent
  }
}

export function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
