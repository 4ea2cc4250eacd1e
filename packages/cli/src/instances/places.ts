import { CgroupIds, Containers, Host, type HostPaths, type Place } from '@skep/identity';
import type { PlaceOf } from '@skep/runtime';

/**
 * Says of a cgroup which container and pod it is, from its path and the files that engine and kubelet wrote: nobody is asked.
 * Names are OpenTelemetry's. A cgroup that is gone is known as long as it was seen while it was there; those that are there now
 * are looked at now.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/resource/k8s/
 */
export function placesOf(paths?: HostPaths): PlaceOf {
  const host = new Host(paths);
  const ids = new CgroupIds(host);
  const containers = new Containers(host);
  const told = new WeakMap<Place, Readonly<Record<string, string>> | object>();
  ids.pathOf(0n);
  return (id) => {
    const path = ids.pathOf(id);
    if (path === undefined) return undefined;
    const place = containers.placeOf({ v2: path, v1: {} });
    let attributes = told.get(place);
    if (attributes === undefined) {
      attributes = attributesOf(place);
      told.set(place, attributes);
    }
    return Object.keys(attributes).length > 0 ? (attributes as Record<string, string>) : undefined;
  };
}

function attributesOf({ container, pod }: Place): Record<string, string> {
  const all: Record<string, string | undefined> = {
    'k8s.namespace.name': pod?.namespace,
    'k8s.pod.name': pod?.name,
    'k8s.pod.uid': pod?.uid,
    'k8s.container.name': pod?.container,
    'container.id': container?.id,
    'container.name': pod ? undefined : container?.name,
    'container.image.name': container?.image,
  };
  return Object.fromEntries(Object.entries(all).filter((e): e is [string, string] => e[1] !== undefined));
}
