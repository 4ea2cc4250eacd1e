import { type Host, type Identity, resourceAttributes, uuidOf } from '@skep/identity';
import type { Attributes, Resource } from '@skep/runtime/otlp';
import type { Service } from '../services/service.ts';

/** Processes whose resource is kept: the exporter tells resources by identity, and gathers what has the same. */
const MOST = 2_000;
/** What only one of a service's processes has, or one of a pod's containers. */
const OF_ONE = /^(process\.|service\.instance\.id$|container\.(id$|name$|image\.)|k8s\.(pod|container)\.)/;

/** What the agent's own variable says of the agent alone. */
const OF_AGENT =
  /^(service|process|container|telemetry)\.|^k8s\.(pod|container|daemonset|deployment|namespace)\./;

/** Resources by OpenTelemetry's semantic conventions: of a process for its spans, of a service for its metrics. */
export class Resources {
  readonly #host: Host;
  readonly #ofProcess = new Map<string, Resource>();
  readonly #ofService = new WeakMap<Service, { identity: Identity | undefined; resource: Resource }>();
  /** Of the agent itself. */
  readonly own: Resource;
  /** Where all of this is, as the operator told the agent: the environment, the cluster. */
  readonly #shared: Attributes;

  /** @param given what OTEL_RESOURCE_ATTRIBUTES gives the agent: all of it is its own, and what is not of a service is everybody's */
  constructor(host: Host, own: Attributes, given: Attributes = {}) {
    this.#host = host;
    this.own = { attributes: { ...own, ...given } };
    this.#shared = Object.fromEntries(Object.entries(given).filter(([key]) => !OF_AGENT.test(key)));
  }

  process(identity: Identity | undefined, service: Service): Resource {
    if (!identity) return this.service(service);
    let resource = this.#ofProcess.get(identity.key);
    if (resource === undefined) {
      // The name is the service's: it counts under that, too.
      resource = { attributes: { ...this.#attributesOf(identity), 'service.name': service.name } };
      this.#ofProcess.set(identity.key, resource);
      if (this.#ofProcess.size > MOST) this.#ofProcess.delete(this.#ofProcess.keys().next().value!);
    }
    return resource;
  }

  service(service: Service): Resource {
    const known = this.#ofService.get(service);
    if (known && known.identity === service.identity) return known.resource;
    const { identity, name, namespace = '' } = service;
    const all = this.#attributesOf(identity);
    const attributes = {
      ...Object.fromEntries(Object.entries(all).filter(([key]) => !OF_ONE.test(key))),
      'service.name': name,
      'service.namespace': namespace || undefined,
      // What Prometheus tells the same service of two machines apart by.
      'service.instance.id': uuidOf([all['host.name'], namespace, name].join('/')),
    };
    const resource: Resource = { attributes };
    this.#ofService.set(service, { identity, resource });
    return resource;
  }

  /** What the process says of itself before what the operator says of the place, and that before what was found out of the machine. */
  #attributesOf(identity: Identity | undefined): Attributes {
    const host = { 'host.name': this.#host.name, ...this.#shared };
    if (!identity) return host;
    const name = identity.declared.get('host.name') ?? host['host.name'];
    return { ...host, ...resourceAttributes(this.#host, identity), 'host.name': name };
  }
}
