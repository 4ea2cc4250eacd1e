import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { readImage } from './container/image.ts';
import type { Host } from './host/host.ts';
import { readText } from './host/read.ts';
import type { Identity } from './identity.ts';

/** OpenTelemetry's own namespace for service.instance.id made from something that is unique already. */
const NAMESPACE = Buffer.from('4d63009a8d0f11eeaad74c796ed8e320', 'hex');

/** Attributes by their names. */
export type ResourceAttributes = Record<string, string | number | readonly string[]>;

/**
 * The resource of a process by OpenTelemetry's semantic conventions: what goes beside its metrics and spans. What
 * OTEL_RESOURCE_ATTRIBUTES of the process says wins. No command line and no user: they may hold secrets.
 *
 * https://opentelemetry.io/docs/specs/semconv/resource/
 */
export function resourceAttributes(host: Host, identity: Identity): ResourceAttributes {
  const { process, service, runtime, container, pod, declared } = identity;
  const image = readImage(container?.image);
  const all: Record<string, ResourceAttributes[string] | undefined> = {
    'service.name': service.name,
    'service.namespace': service.namespace,
    'service.version': service.version,
    'service.instance.id': instanceId(host, identity),
    'process.pid': process.pid,
    'process.parent_pid': process.ppid || undefined,
    'process.executable.name': process.exe === undefined ? process.comm : basename(process.exe),
    'process.executable.path': process.exe,
    'process.runtime.name': runtime?.name,
    'process.runtime.version': runtime?.name === undefined ? undefined : runtime.version,
    'container.id': container?.id,
    'container.name': container?.name,
    'container.runtime.name': container?.runtime,
    'container.image.name': image.name,
    'container.image.tags': image.tag === undefined ? undefined : [image.tag],
    'k8s.pod.uid': pod?.uid,
    'k8s.pod.name': pod?.name,
    'k8s.namespace.name': pod?.namespace,
    'k8s.container.name': pod?.container,
    'host.name': host.name,
    ...Object.fromEntries(declared),
  };
  return Object.fromEntries(
    Object.entries(all).filter((e): e is [string, ResourceAttributes[string]] => e[1] !== undefined),
  );
}

/**
 * Namespace, pod and container in Kubernetes, as its operator writes it; elsewhere a UUID (version 5) of boot, pid and
 * start time. The same process has the same id after the agent has been restarted.
 */
function instanceId(host: Host, { process, pod }: Identity): string {
  if (pod?.namespace && pod.name && pod.container) return `${pod.namespace}.${pod.name}.${pod.container}`;
  const boot = readText(`${host.proc}/sys/kernel/random/boot_id`, 64)?.trim() ?? host.name;
  return uuidOf(`${boot}/${process.pid}/${process.startTime}`);
}

/** A UUID (version 5) for `service.instance.id` of something that is unique already. */
export function uuidOf(text: string): string {
  const hash = createHash('sha1').update(NAMESPACE).update(text).digest().subarray(0, 16);
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
