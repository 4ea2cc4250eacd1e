// `skep build --builder podman`: the same objects as by this machine's clang of that version, by a compiler that sees the
// project and nothing else. The base image is made by mmdebstrap, since no registry with Debian's is within reach here.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { cachePath } from '../../packages/cli/src/cache.ts';
import { Sandbox } from '../../packages/cli/test/harness.ts';
import { source } from '../../packages/cli/test/objects.ts';
import { type Engine, podman } from '../support/engines.ts';

const MIRROR = 'http://deb.debian.org/debian';
const root = process.getuid?.() === 0;
const probes = join(import.meta.dirname, '../../probes');

suite('skep build in a container', { skip: !root && 'needs root', timeout: 400_000 }, () => {
  const box = new Sandbox();
  let engine: Engine;
  let program: string;

  /** The engine as a user has it, with this test's folders, rights and mirrors, and a log of what it was asked. */
  function write(name: string, ...lines: string[]): string {
    const [file, args] = engine.command();
    const limits = `--cgroup-parent ${engine.cgroup} --ulimit nofile=1024:1024 --ulimit nproc=1024:1024`;
    const path = box.path(name);
    writeFileSync(
      path,
      `#!/bin/sh
echo "$*" >>${box.path('asked')}
${lines.join('\n')}
case $1 in
  build) shift; set -- build --network host ${limits} --build-arg BASE=localhost/base:1 --build-arg MIRROR=${MIRROR} "$@" ;;
  run) shift; set -- run ${limits} "$@" ;;
esac
exec ${file} ${args.join(' ')} "$@"
`,
    );
    chmodSync(path, 0o755);
    return path;
  }

  const asked = () => readFileSync(box.path('asked'), 'utf8').split('\n');

  before(async () => {
    engine = await podman();
    program = write('podman');
    await engine.call('import', baseImage(), 'localhost/base:1');
    writeFileSync(box.path('calls.c'), source);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    box[Symbol.dispose]();
  });

  test('makes its image once, shows how, and gives what clang 19 gives here', async () => {
    const first = await box.skep(['build', 'calls.c', '--builder', program]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, 'calls.o\n');
    assert.match(first.stderr, /FROM localhost\/base:1[\s\S]*Setting up clang-19/);
    const object = readFileSync(box.path('calls.o'));
    const again = await box.skep(['build', 'calls.c', '--builder', program, '--mcpu', 'v2']);
    assert.deepEqual([again.code, again.stderr], [0, '']);
    assert.notDeepEqual(readFileSync(box.path('calls.o')), object, 'its flags reach the compiler');
    assert.equal(asked().filter((line) => line.startsWith('build ')).length, 1);
    await box.ok(['build', 'calls.c', '--clang', 'clang-19']);
    assert.deepEqual(readFileSync(box.path('calls.o')), object);
    assert.equal(await engine.call('ps', '-aq'), '', 'no container is left');
  });

  test('a folder of the catalogue for two platforms has the digest that it has without', async () => {
    const env = { SOURCE_DATE_EPOCH: '1767225600' };
    // This kernel's types for both: what is compared needs no others.
    const how = ['build', '-q', join(probes, 'oomkill'), 'oomkill:1', '--vmlinux', '/sys/kernel/btf/vmlinux'];
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    const inside = await box.ok([...how, ...platforms, '--builder', program], { env });
    assert.equal(inside, await box.ok([...how, ...platforms, '--clang', 'clang-19'], { env }));
    await box.ok([...how, '--builder', program, '--provenance=mode=max'], { env });
    const shown = await box.ok(['inspect', '--format', '{{json .Provenance.SLSA}}', 'oomkill:1']);
    const { version } = JSON.parse(shown).runDetails.builder;
    assert.match(version.clang, /^19\./);
    assert.match(version['build-image'], /^sha256:[0-9a-f]{64}$/);
  });

  test('finds what the project includes, whatever it is called, and no other file', async () => {
    const folder = box.path('späce, "x"', 'probes');
    mkdirSync(folder, { recursive: true });
    mkdirSync(box.path('späce, "x"', '.git'));
    writeFileSync(join(folder, '../common.h'), '#define ANSWER 42\n');
    writeFileSync(join(folder, 'a.c'), `#include "../common.h"\nint answer = ANSWER;\n${source}`);
    await box.ok(['build', join(folder, 'a.c'), '--builder', program], { cwd: '/' });
    assert.ok(existsSync(join(folder, 'a.o')));
    mkdirSync(box.path('secret'));
    writeFileSync(box.path('secret/key.h'), '#define ANSWER 7\n');
    writeFileSync(join(folder, 'b.c'), `#include "${box.path('secret/key.h')}"\n${source}`);
    await box.ok(['build', join(folder, 'b.c'), '--clang', 'clang-19'], { cwd: '/' });
    const build = ['build', join(folder, 'b.c'), '--builder', program];
    const refused = await box.fails(7, /b\.c does not compile/, build, { cwd: '/' });
    assert.match(refused.stderr, /b\.c:1:10: fatal error: '.*secret\/key\.h' file not found/);
    await box.ok([...build, '--cflags', `-I${box.path('secret')}`], { cwd: '/' });
  });

  test('by the words of docker, as the user and not as root', async () => {
    const docker = write('docker', '[ "$1" != --version ] || { echo "Docker version 27.5.1"; exit; }');
    await box.ok(['build', 'calls.c', '-b', docker]);
    const run = asked()
      .filter((line) => line.startsWith('run '))
      .at(-1)!;
    assert.match(run, / --user 0:0 /);
    assert.doesNotMatch(run, /--cap-add/);
  });

  test('says what is missing: engine, image, compiler', async () => {
    const none = ['build', 'calls.c', '--builder', box.path('absent')];
    await box.fails(3, /The container engine .*absent cannot be run/, none);
    const image = (name: string) => ['build', 'calls.c', '--builder', program, '--build-image', name];
    const pull = await box.fails(
      3,
      /could not pull registry\.invalid\/none:1/,
      image('registry.invalid/none:1'),
    );
    assert.match(pull.stderr, /no such host|server misbehaving|lookup/);
    const empty = await box.fails(3, /could not run the compiler/, image('localhost/base:1'));
    assert.match(empty.stderr, /"clang"|clang: /);
    await box.fails(3, /does not answer --version as clang does/, [
      ...image('localhost/base:1'),
      '--clang',
      'cat',
    ]);
    const quiet = await box.fails(3, /could not pull/, [
      'build',
      '-q',
      ...image('registry.invalid/none:1').slice(1),
    ]);
    assert.match(quiet.stderr, /registry\.invalid/);
    assert.ok(!existsSync(box.path('absent')));
  });
});

/** apt and what it needs, made once and kept. */
function baseImage(): string {
  const path = cachePath('debian-base', 'bookworm.tar');
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const made = `${path}.${process.pid}.tar`;
  execFileSync('mmdebstrap', ['--mode=root', '--variant=apt', '-q', 'bookworm', made, MIRROR]);
  renameSync(made, path);
  return path;
}
