import type { Activity, Side } from '../activity.ts';
import { isDouble } from '../spans/own.ts';
import type { Service } from './service.ts';

/** A service as people and `-o json` see it. */
export interface ServiceInfo {
  readonly name: string;
  readonly namespace?: string;
  /** Which rule named it. */
  readonly named?: string;
  readonly language?: string;
  readonly runtime?: string;
  readonly container?: string;
  readonly pod?: string;
  readonly unit?: string;
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  readonly server: Side;
  readonly client: Side;
  /** Most often first. */
  readonly calledBy: readonly string[];
  readonly calls: readonly string[];
  /** It exports spans of its own, as far as is known: none are made for it. */
  readonly tracesItself: boolean;
}

/** @param now milliseconds of the agent's clock */
export function serviceInfo(service: Service, activity: Activity, now: number): ServiceInfo {
  const { identity } = service;
  const runtime = identity?.runtime;
  return {
    name: service.name,
    namespace: service.namespace,
    named: identity?.service.rule,
    language: runtime?.language,
    runtime:
      runtime?.version === undefined
        ? runtime?.name
        : `${runtime.name ?? runtime.language} ${runtime.version}`,
    container: identity?.container?.name ?? (identity?.container?.id.slice(0, 12) || undefined),
    pod: identity?.pod?.name ?? identity?.pod?.uid,
    unit: identity?.unit?.name,
    ports: activity.ports(service),
    pids: [...service.pids].sort((a, b) => a - b),
    server: activity.side(service, 'server'),
    client: activity.side(service, 'client'),
    calledBy: activity.callers(service),
    calls: activity.callees(service),
    tracesItself: isDouble({ service }, now),
  };
}
