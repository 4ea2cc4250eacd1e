// What npm installs: the tarball in an empty folder, on the oldest Node we support, found as its users find it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { publint } from 'publint';
import { type Ended, ended, floorBin, Installed } from './installed.ts';

const version = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../packages/cli/package.json'), 'utf8'),
).version;

/** Debian's objdump reads the files of one architecture. */
function objdump(arch: string): string {
  if (arch === `linux-${process.arch}`) return 'objdump';
  return `${arch === 'linux-arm64' ? 'aarch64' : 'x86_64'}-linux-gnu-objdump`;
}

suite('the npm package', { timeout: 480_000 }, () => {
  let it: Installed;
  /** sh and the few tools the launcher may ask, without any Node among them. */
  let tools: string;

  before(async () => {
    it = await Installed.create();
    tools = join(it.dir, 'tools');
    mkdirSync(tools);
    for (const t of ['sh', 'readlink', 'sed', 'tr', 'tail', 'su', 'cat', 'env']) {
      const found = ['/usr/bin', '/bin'].map((d) => join(d, t)).find((p) => existsSync(p));
      if (found) symlinkSync(found, join(tools, t));
    }
  });
  after(() => it[Symbol.dispose]());

  test('has no dependency, no script, and says where it runs', () => {
    const manifest = JSON.parse(readFileSync(join(it.root, 'package.json'), 'utf8'));
    assert.equal(manifest.name, 'skep');
    assert.equal(manifest.scripts, undefined);
    assert.equal(manifest.dependencies, undefined);
    assert.deepEqual([manifest.os, manifest.cpu, manifest.libc], [['linux'], ['x64', 'arm64'], ['glibc']]);
    assert.equal(existsSync(join(it.root, 'node_modules')), false);
  });

  test('carries the licences of all that is inside', () => {
    const notices = readFileSync(join(it.root, 'THIRD-PARTY-NOTICES'), 'utf8');
    for (const name of ['commander', 'libbpf', 'elfutils', 'zlib', 'glibc', 'gcc'])
      assert.match(notices, new RegExp(`^${name}`, 'm'));
    assert.match(readFileSync(join(it.root, 'LICENSE'), 'utf8'), /Apache License/);
  });

  test('has nothing for publint to complain about', async () => {
    const { messages } = await publint({ pkgDir: it.root, strict: true, pack: false });
    assert.deepEqual(messages, []);
  });

  test('runs on the oldest Node', async () => {
    const env = { PATH: `${floorBin}:${tools}` };
    const shown = await it.skep(['--version'], env);
    assert.deepEqual([shown.code, shown.stdout, shown.stderr], [0, `skep ${version}\n`, '']);
    const help = await it.skep(['--help'], env);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: skep/);
  });

  test('finds the addon and the libraries it carries', async () => {
    const build = join(it.root, `packages/bpf/build/linux-${process.arch}`);
    const load = `console.log(require(${JSON.stringify(join(build, 'skep_bpf.node'))}).libbpfVersion)`;
    const { stdout, code } = await ended(join(floorBin, 'node'), ['-e', load], { PATH: tools });
    assert.equal(code, 0);
    assert.match(stdout, /\d+\.\d+/);
    const linked = execFileSync('ldd', [join(build, 'skep_bpf.node')], { encoding: 'utf8' });
    for (const lib of ['libbpf.so.1', 'libelf.so.1', 'libz.so.1']) {
      assert.match(linked, new RegExp(`${lib.replaceAll('.', '\\.')} => ${build}/`), linked);
    }
  });

  test('builds, packs and runs a probe', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const source = join(it.dir, 'watch.c');
    copyFileSync(join(import.meta.dirname, 'watch.c'), source);
    const env = { PATH: `${floorBin}:/usr/bin:/bin`, SKEP_STORAGE: join(it.dir, 'store') };
    const built = await it.skep(['build', source, 'watch:1'], env);
    assert.equal(built.code, 0, built.stderr);
    let ran: Ended | undefined;
    const running = it.skep(['run', 'watch:1', '-o', 'json', '--max-events', '1', '--timeout', '30s'], env);
    running.then((r) => {
      ran = r;
    });
    // Called again and again until the run, attached at last, has seen one.
    while (!ran) await ended('/usr/bin/perl', ['-e', 'getpgrp(424242)'], {});
    assert.equal(ran.code, 0, ran.stderr);
    const record = JSON.parse(ran.stdout);
    assert.equal(record.map, 'print_calls');
    assert.deepEqual(record.data, { argument: 424242, comm: 'perl' });
  });

  test("carries the agent's probes for both processors", () => {
    for (const arch of ['linux-x64', 'linux-arm64']) {
      const probes = readdirSync(join(it.root, 'packages/agent/build', arch)).toSorted();
      assert.deepEqual(probes, ['http-red.o', 'processes.o']);
    }
  });

  test('runs the agent', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const env = { PATH: `${floorBin}:/usr/bin:/bin`, SKEP_STORAGE: join(it.dir, 'store') };
    const socket = join(it.dir, 'agent.sock');
    const asked = ['agent', 'status', '--socket', socket, '-o', 'json'];
    let ran: Ended | undefined;
    const running = it.skep(['agent', '--port', '1', '--no-tty', '--socket', socket], env);
    void running.then((r) => {
      ran = r;
    });
    let answer: Ended;
    do {
      answer = await it.skep(asked, env);
      assert.equal(ran, undefined, ran?.stderr);
    } while (answer.code !== 0 || JSON.parse(answer.stdout).selfCheck.state === 'waiting');
    const { selfCheck, pid } = JSON.parse(answer.stdout);
    process.kill(pid, 'SIGINT');
    assert.equal(selfCheck.state, 'passed', selfCheck.reason);
    assert.equal((await running).code, 0);
  });

  test('carries what a container consists of, for both processors', () => {
    const [x64, arm64] = ['linux-x64', 'linux-arm64'].map((arch) => {
      const names = readdirSync(join(it.root, 'packages/cli/build', arch)).toSorted();
      return names.map((n) => n.replace(/^ld-linux.*/, 'loader'));
    });
    assert.deepEqual(arm64, x64);
    assert.deepEqual(
      x64?.filter((n) => ['libc.so.6', 'libstdc++.so.6', 'loader'].includes(n)),
      ['loader', 'libc.so.6', 'libstdc++.so.6'],
    );
  });

  test('asks for no glibc newer than 2.33', () => {
    for (const arch of ['linux-x64', 'linux-arm64']) {
      const build = join(it.root, 'packages/bpf/build', arch);
      const carried = readdirSync(build);
      assert.equal(carried.length, 4, carried.join());
      for (const file of carried) {
        const symbols = execFileSync(objdump(arch), ['-T', join(build, file)], { encoding: 'utf8' });
        const versions = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map((m) => Number(m[1]));
        assert.ok(versions.length > 0, file);
        assert.ok(Math.max(...versions) <= 33, `${file} asks for glibc 2.${Math.max(...versions)}`);
      }
    }
  });

  test('carries for another processor what it carries for this one', () => {
    const [x64, arm64] = ['linux-x64', 'linux-arm64'].map((arch) => {
      const build = join(it.root, 'packages/bpf/build', arch);
      return readdirSync(build).map((file) => {
        const headers = execFileSync('readelf', ['-hdW', join(build, file)], { encoding: 'utf8' });
        return {
          file,
          machine: /Machine:\s+(.*)/.exec(headers)?.[1],
          // What each needs of the others; libc and its loader go by different names.
          needs: [...headers.matchAll(/NEEDED.*\[(lib(?:bpf|elf|z)\.\S+)\]/g)].map((m) => m[1]),
          path: /RPATH.*\[(.*)\]/.exec(headers)?.[1],
        };
      });
    });
    assert.deepEqual(
      arm64,
      x64?.map((f) => ({ ...f, machine: 'AArch64' })),
    );
    assert.ok(x64?.every((f) => f.machine === 'Advanced Micro Devices X86-64'));
    const addon = arm64?.find((f) => f.file === 'skep_bpf.node');
    assert.deepEqual([addon?.needs, addon?.path], [['libbpf.so.1', 'libelf.so.1', 'libz.so.1'], '$ORIGIN']);
  });

  test("under sudo finds the user's Node", async () => {
    // What sudo does: a path of its own for the command, and the user's environment for itself.
    const own = `PATH=${tools} SUDO_USER=root SUDO_UID=0 HOME=${it.dir}`.split(' ');
    const run = `env -i ${own.join(' ')} ${join(it.prefix, 'bin/skep')} --version; exit $?`;
    const { code, stdout, stderr } = await ended('/bin/sh', ['-c', run], { PATH: `${floorBin}:${tools}` });
    assert.deepEqual([code, stdout, stderr], [0, `skep ${version}\n`, '']);
  });

  test('finds the Node that npm installed it with', async () => {
    symlinkSync(join(floorBin, 'node'), join(it.prefix, 'bin/node'));
    const { code, stdout } = await it.skep(['--version'], { PATH: tools });
    execFileSync('rm', [join(it.prefix, 'bin/node')]);
    assert.deepEqual([code, stdout], [0, `skep ${version}\n`]);
  });

  test('leaves an old Node for a newer one, or says what it needs', async () => {
    const old = join(it.dir, 'old');
    mkdirSync(old);
    const shim = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`;
    const script = `#!${tools}/sh\n[ "$1" = --version ] && { echo v20.20.2; exit; }\nexec ${floorBin}/node --import "${shim}" "$@"\n`;
    writeFileSync(join(old, 'node'), script);
    chmodSync(join(old, 'node'), 0o755);
    const both = await it.skep(['--version'], { PATH: `${old}:${floorBin}:${tools}` });
    assert.deepEqual([both.code, both.stdout, both.stderr], [0, `skep ${version}\n`, '']);
    const alone = await it.skep(['--version'], { PATH: `${old}:${tools}` });
    assert.equal(alone.code, 1);
    assert.match(alone.stderr, /needs Node 22\.18 or later\n.*old\/node is v?20\.20\.2\n {2}npm install/);
  });

  test('says what it needs where there is no Node', async () => {
    const { code, stderr } = await it.skep(['--version'], { PATH: tools });
    assert.equal(code, 1);
    assert.match(stderr, /^skep: needs Node 22\.18 or later, and found none\n {2}npm install/);
  });
});
