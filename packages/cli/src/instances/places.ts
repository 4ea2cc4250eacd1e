import { CgroupIds, Containers, Host, type HostPaths, type Place } from '@skep/identity';
import type { PlaceOf } from '@skep/runtime';

/**
 * Says of a cgroup which container and pod it is, from its path and the files that engine and kubelet wrote: nobody is asked.
 * Names are OpenTelemetry's. Cgroups are learned when they are made and containers looked up soon after, since with the last
 * process of a container, which may be the one that an event is about, its cgroup goes and with it the engine's files.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/resource/k8s/
 *
 * @returns to be disposed of; it holds no process
 */
export function placesOf(paths?: HostPaths): PlaceOf & Disposable {
  const host = new Host(paths);
  const ids = new CgroupIds(host);
  const containers = new Containers(host);
  const told = new WeakMap<Place, Readonly<Record<string, string>>>();
  const lookUp = inBackground((path) => void containers.placeOf({ v2: path, v1: {} }));
  let tree: Disposable | undefined;
  // Some hundred folders take milliseconds, in which the kernel may as well load what the caller is about to.
  const start = setImmediate(() => {
    tree = ids.follow(lookUp.later);
  });
  const placeOf: PlaceOf = (id) => {
    const path = ids.pathOf(id);
    if (path === undefined) return undefined;
    const place = containers.placeOf({ v2: path, v1: {} });
    let attributes = told.get(place);
    if (attributes === undefined) {
      attributes = attributesOf(place);
      told.set(place, attributes);
    }
    return Object.keys(attributes).length > 0 ? attributes : undefined;
  };
  return Object.assign(placeOf, {
    [Symbol.dispose]() {
      clearImmediate(start);
      tree?.[Symbol.dispose]();
      lookUp.stop();
    },
  });
}

/** Does something for each of many, one at a turn of the event loop, the latest first: what is new is soonest gone. */
function inBackground(work: (path: string) => void): { later(path: string): void; stop(): void } {
  const waiting: string[] = [];
  let turn: NodeJS.Immediate | undefined;
  const next = (): void => {
    const path = waiting.pop();
    turn = path === undefined ? undefined : setImmediate(next);
    if (path !== undefined) work(path);
  };
  return {
    later(path) {
      waiting.push(path);
      turn ??= setImmediate(next);
    },
    stop() {
      waiting.length = 0;
      clearImmediate(turn);
    },
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
