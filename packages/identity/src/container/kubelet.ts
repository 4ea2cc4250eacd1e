import type { Host } from '../host/host.ts';
import type { ContainerFile } from './labels.ts';

/**
 * What the kubelet's log folders say, whichever engine runs below: /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log
 * names a container, /var/log/pods/NAMESPACE_POD_UID a pod. None of these names may contain `_`.
 */
export function fromKubelet(
  host: Host,
  id: string | undefined,
  podUid: string | undefined,
): ContainerFile | undefined {
  if (id !== undefined) {
    const log = host.rootList('/var/log/containers').find((f) => f.endsWith(`-${id}.log`));
    const parts = log?.slice(0, -`-${id}.log`.length).split('_');
    if (parts?.length === 3) return { podName: parts[0], podNamespace: parts[1], podContainer: parts[2] };
  }
  if (podUid !== undefined) {
    const folder = host.rootList('/var/log/pods').find((f) => f.endsWith(`_${podUid}`));
    const parts = folder?.split('_');
    if (parts?.length === 3) return { podName: parts[1], podNamespace: parts[0] };
  }
  return undefined;
}
