// What goes beside metrics and spans of a process, by OpenTelemetry's semantic conventions.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Host, Identities, type Identity, resourceAttributes } from '../src/index.ts';
import { folder, started } from './support/started.ts';

const UID = '2c48913c-b29f-11e7-9350-020968147796';
const ID = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970';

test('a process of this machine', async (t) => {
  const dir = folder(t, { 'till.js': 'console.log("ready"); setInterval(() => {}, 1e9);' });
  const env = {
    OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=shop,deployment.environment.name=test,host.name=chosen',
  };
  const { pid } = await started(t, [process.execPath, join(dir, 'till.js'), '--password=x'], { env });
  const host = new Host();
  const of = (identity: Identity | undefined) => resourceAttributes(host, identity!);
  const attributes = of(new Identities({ host }).get(pid));
  const { 'service.instance.id': instance, ...rest } = attributes;
  assert.deepEqual(rest, {
    'service.name': 'till',
    'service.namespace': 'shop',
    'process.pid': pid,
    'process.parent_pid': process.pid,
    'process.executable.name': 'node',
    'process.executable.path': process.execPath,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'deployment.environment.name': 'test',
    'host.name': 'chosen',
  });
  assert.match(String(instance), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(
    of(new Identities({ host }).get(pid))['service.instance.id'],
    instance,
    'the same after a restart',
  );
  assert.notEqual(of(new Identities({ host }).get(process.pid))['service.instance.id'], instance);
});

test('an image’s tag is no part of its name', () => {
  const of = (image?: string) => {
    const identity = {
      ...{ process: { pid: 1, startTime: 1, comm: 'x' }, service: { name: 'x' }, declared: new Map() },
      container: { id: ID, image, outer: [] },
    } as unknown as Identity;
    const all = resourceAttributes(new Host({ name: 'a' }), identity);
    return [all['container.image.name'], all['container.image.tags']];
  };
  const digest = `sha256:${ID}`;
  assert.deepEqual(of('registry:5000/team/till:1.2-rc.3'), ['registry:5000/team/till', ['1.2-rc.3']]);
  assert.deepEqual(of('registry:5000/till'), ['registry:5000/till', undefined]);
  assert.deepEqual(of(`docker.io/library/nginx:1@${digest}`), ['docker.io/library/nginx', ['1']]);
  assert.deepEqual(of(`nginx@${digest}`), ['nginx', undefined]);
  for (const none of [undefined, '', digest, ID]) assert.deepEqual(of(none), [undefined, undefined], none);
});

test('a pod that no file of the machine names says itself who it is', (t) => {
  const proc = folder(t, {
    '7/stat': `7 (x) S 1 ${Array.from({ length: 40 }, () => '1').join(' ')}`,
    '7/cmdline': 'x\0',
    '7/cgroup': `0::/kubepods/pod${UID}/${ID}\n`,
    '7/environ': 'HOSTNAME=till-0\0',
    '7/root/var/run/secrets/kubernetes.io/serviceaccount/..data/namespace': 'shop\n',
  });
  // As the kubelet makes it: links inside the volume.
  symlinkSync(
    '..data/namespace',
    join(proc, '7/root/var/run/secrets/kubernetes.io/serviceaccount/namespace'),
  );
  const get = (name: string) => new Identities({ host: new Host({ proc, root: folder(t), name }) }).get(7)!;
  assert.deepEqual(get('node-1').pod, {
    uid: UID,
    qos: 'guaranteed',
    name: 'till-0',
    namespace: 'shop',
    container: undefined,
  });
  assert.equal(get('node-1').service.name, 'till');
  assert.equal(get('till-0').pod?.name, undefined, 'on the machine’s network the host name is the machine’s');
});

test('Java, whose home is found from its program, from its library, and in the old layout', (t) => {
  const proc = folder(t);
  const put = (pid: number, exe: string, files: Record<string, string>, maps = '') => {
    const dir = join(proc, String(pid));
    mkdirSync(dir);
    writeFileSync(join(dir, 'stat'), `${pid} (x) S 1 ${Array.from({ length: 40 }, () => '1').join(' ')}`);
    writeFileSync(join(dir, 'cmdline'), 'x\0');
    writeFileSync(join(dir, 'maps'), maps);
    symlinkSync(exe, join(dir, 'exe'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(dir, 'root', path, '..'), { recursive: true });
      writeFileSync(join(dir, 'root', path), text);
    }
  };
  const release =
    'IMPLEMENTOR="Eclipse Adoptium"\nJAVA_VERSION="21.0.3"\nJAVA_RUNTIME_VERSION="21.0.3+9-LTS"\n';
  put(1, '/opt/jdk/bin/java', { '/opt/jdk/release': release });
  put(2, '/opt/jdk8/jre/bin/java', { '/opt/jdk8/release': 'JAVA_VERSION="1.8.0_412"\n' });
  put(
    3,
    '/usr/bin/jsvc',
    { '/opt/jdk/release': release },
    '7f00-7f01 r-xp 0 0:1 9 /opt/jdk/lib/server/libjvm.so\n',
  );
  put(4, '/opt/bare/bin/java', {});
  const identities = new Identities({ host: new Host({ proc, root: folder(t) }) });
  const runtime = (pid: number) => identities.get(pid)?.runtime;
  const adoptium = { language: 'java', name: 'OpenJDK Runtime Environment', version: '21.0.3+9-LTS' };
  assert.deepEqual(runtime(1), adoptium);
  assert.deepEqual(runtime(2), { language: 'java', name: 'java', version: '1.8.0_412' });
  assert.deepEqual(runtime(3), adoptium);
  assert.deepEqual(runtime(4), { language: 'java' });
});

test('a machine is called what it calls itself, not what a pod with its processes is called', (t) => {
  const name = (files: Record<string, string>) => new Host({ root: folder(t, files) }).name;
  assert.equal(name({ 'etc/hostname': '# the third\nnode-3.example\n' }), 'node-3.example');
  assert.equal(name({ 'etc/hostname': '\n' }), hostname());
  assert.equal(name({}), hostname());
  assert.equal(new Host({ root: '/' }).name, hostname());
});
