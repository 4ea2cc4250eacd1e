// Whose metrics and spans are whose, to a receiver that gets those of many machines.
import { deepStrictEqual, match, notStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Host, type Identity } from '@skep/identity';
import { Resources } from '../src/otlp/resources.ts';
import { Service } from '../src/services/service.ts';

const node = (name: string, given: Record<string, string> = {}) =>
  new Resources(new Host({ root: '/', name }), {}, given);

const container = (name: string) => ({ id: 'f00', name, image: `registry/${name}:1`, outer: [] });
const identity = (more: object = {}) =>
  ({
    ...{ key: '7-1-0', process: { pid: 7, startTime: 1, comm: 'x' }, service: { name: 'web' } },
    ...{ declared: new Map(), sdks: [], fromEvent: false, ...more },
  }) as unknown as Identity;

function service(name: string, namespace?: string, who?: Identity): Service {
  return Object.assign(new Service(1, name, namespace, 0), { identity: who });
}

test('the same service of two machines is two instances, each the same after a restart', () => {
  const id = (machine: string, of: Service) =>
    String(node(machine).service(of).attributes['service.instance.id']);
  const a = id('a', service('web', 'live'));
  match(a, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  strictEqual(id('a', service('web', 'live', identity())), a);
  for (const other of [
    id('b', service('web', 'live')),
    id('a', service('web')),
    id('a', service('mail', 'live')),
  ])
    notStrictEqual(other, a);
});

test('what the operator says of the machine wins over what it calls itself, and what a process says over that', () => {
  const told = node('a', { 'host.name': 'rack-7', 'service.name': 'agent' });
  const names = (who?: Identity) =>
    [told.service(service('web', undefined, who)), told.process(who, service('web', undefined, who))].map(
      ({ attributes }) => [attributes['service.name'], attributes['host.name']],
    );
  deepStrictEqual(names(), [
    ['web', 'rack-7'],
    ['web', 'rack-7'],
  ]);
  deepStrictEqual(names(identity()), [
    ['web', 'rack-7'],
    ['web', 'rack-7'],
  ]);
  deepStrictEqual(names(identity({ key: '8-1-0', declared: new Map([['host.name', 'mine']]) })), [
    ['web', 'mine'],
    ['web', 'mine'],
  ]);
  strictEqual(node('a').service(service('web', undefined, identity())).attributes['host.name'], 'a');
});

test('metrics of a service have nothing of one container of its pod: another begins, and they were others', () => {
  const resources = node('a');
  const of = (name: string) => {
    const pod = { uid: 'u', qos: 'burstable', name: 'web-1', namespace: 'live', container: name };
    return resources.service(service('web', 'live', identity({ pod, container: container(name) })));
  };
  deepStrictEqual(of('proxy'), of('app'));
  strictEqual(of('app').attributes['k8s.namespace.name'], 'live');
});
