// What a container's engine and its place say about the name of the service in it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Host, Identities } from '../src/index.ts';
import { folder } from './support/started.ts';

const UID = '2c48913c-b29f-11e7-9350-020968147796';
const ID = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970';
const docker = `/docker/${ID}`;

interface Given {
  readonly cgroup: string;
  readonly config: object;
  readonly environ?: string;
  readonly cmdline?: string;
}

/** Whose a process is that runs in docker, of which only what is written down is there. */
function named(t: Parameters<typeof folder>[0], given: Given) {
  const { cgroup, config, environ = '', cmdline = 'till' } = given;
  const dir = folder(t, {
    'proc/7/stat': `7 (x) S 1 ${Array.from({ length: 40 }, () => '1').join(' ')}`,
    'proc/7/cmdline': `${cmdline.replaceAll(' ', '\0')}\0`,
    'proc/7/cgroup': `0::${cgroup}\n`,
    'proc/7/environ': environ,
    [`var/lib/docker/containers/${ID}/config.v2.json`]: JSON.stringify(config),
  });
  const host = new Host({ proc: join(dir, 'proc'), root: dir, name: 'node-1' });
  return new Identities({ host }).get(7)!.service;
}

test('services of one name in two compose projects, or in two namespaces of a cluster, are two', (t) => {
  const compose = (project: string) => ({
    Name: `/${project}-web-1`,
    Config: {
      Labels: { 'com.docker.compose.service': 'web', 'com.docker.compose.project': project },
    },
  });
  const pod = (namespace: string) => ({ Name: `/k8s_web_web-7d9f8b6c5d-x2x7p_${namespace}_${UID}_0` });
  const inPod = `/kubepods/burstable/pod${UID}/${ID}`;
  const of = (given: Given) => {
    const { name, namespace } = named(t, given);
    return [name, namespace];
  };
  assert.deepEqual(of({ cgroup: docker, config: compose('shop') }), ['web', 'shop']);
  assert.deepEqual(of({ cgroup: docker, config: compose('till') }), ['web', 'till']);
  assert.deepEqual(of({ cgroup: inPod, config: pod('staging') }), ['web', 'staging']);
  // What it says of itself is what its own telemetry says, of which a collector says the pod's namespace.
  const environ = 'OTEL_SERVICE_NAME=front\0';
  assert.deepEqual(of({ cgroup: inPod, config: pod('live'), environ }), ['front', 'live']);
  assert.deepEqual(of({ cgroup: docker, config: compose('shop'), environ }), ['front', undefined]);
  const declared = 'OTEL_RESOURCE_ATTRIBUTES=service.namespace=sales\0';
  assert.deepEqual(of({ cgroup: inPod, config: pod('live'), environ: declared }), ['web', 'sales']);
  assert.deepEqual(of({ cgroup: docker, config: { Name: '/web' } }), ['web', undefined]);
});

test('a name that docker made up for a container is another each time: its program names it', (t) => {
  const of = (name: string) => {
    const service = named(t, { cgroup: docker, config: { Name: `/${name}` }, cmdline: '/srv/tills --fast' });
    return [service.name, service.rule];
  };
  for (const name of ['quirky_kepler', 'zen_ride', 'brave_curie2'])
    assert.deepEqual(of(name), ['tills', 'command']);
  for (const name of ['quirky-kepler', 'shop_kepler', 'quirky', 'quirky_kepler_web', 'quirky_kepler12'])
    assert.deepEqual(of(name), [name, 'container-name']);
});

test('a program in a container of no name that could be anybody’s is called by its image', (t) => {
  const of = (cmdline: string, image?: string) => {
    const config = { Name: '/quirky_kepler', Config: { Image: image } };
    const service = named(t, { cgroup: docker, config, cmdline });
    return [service.name, service.rule];
  };
  assert.deepEqual(of('/app/server', 'ghcr.io/acme/shop:1.2'), ['shop', 'container-image']);
  assert.deepEqual(of('/usr/bin/python3 -c pass', 'acme/till'), ['till', 'container-image']);
  assert.deepEqual(of('/srv/tills', 'ghcr.io/acme/shop:1.2'), ['tills', 'command']);
  // What its engine made up tells two of them apart at least.
  for (const image of ['python:3', 'docker.io/library/debian:12', `sha256:${ID}`, undefined])
    assert.deepEqual(of('/app/main', image), ['quirky_kepler', 'container-name']);
});

test('a name ends no line, and turns no text around that stands behind it', (t) => {
  const of = (name: string) =>
    named(t, { cgroup: '/', config: {}, environ: `OTEL_SERVICE_NAME=${name}\0`, cmdline: `/bin/a\u202eb` })
      .name;
  assert.equal(of('shop\u202egnp.exe\u2066'), 'shop gnp.exe');
  assert.equal(of('a\nb\x1b[31mc\u2028d'), 'a b [31mc d');
  assert.equal(of('Käse 店'), 'Käse 店');
  assert.equal(of('\u2067\n'), 'a b', 'nothing is left of it: its program names it');
});
