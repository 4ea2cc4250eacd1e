import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { MEDIA_TYPE, Store } from '@skep/oci';
import { main, Sandbox } from './harness.ts';
import { badObjects, bytesOf, source } from './objects.ts';

const box = new Sandbox();
before(async () => {
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1', '--description', 'counts calls', '--authors', 'A. Tester']);
  await box.ok(['build', 'calls.c']);
});
after(() => box[Symbol.dispose]());

test('list shows reference, digest, size, age and programs', async () => {
  const [head, row] = (await box.ok(['list'])).split('\n');
  assert.match(head!, /^REFERENCE +DIGEST +SIZE +CREATED +PROGRAMS$/);
  assert.match(row!, /^calls:1 +sha256:[0-9a-f]{12} +[\d.]+kB +.+ +on_enter$/);
  assert.match(
    await box.ok(['images', '--format', '{{.Repository}} {{.Tag}} {{.SizeBytes}}']),
    /^calls 1 \d+\n$/,
  );
  const json = JSON.parse(await box.ok(['ls', '--format', 'json']));
  assert.equal(json.Reference, 'calls:1');
  assert.equal(await box.ok(['list', 'nothing', '-q']), '');
  assert.match(await box.ok(['list', 'calls', '-q', '--no-trunc']), /^sha256:[0-9a-f]{64}\n$/);
  assert.match(await box.ok(['images', 'ca*', '-q', '-a', '--digests']), /^sha256:[0-9a-f]{12}\n$/);
  assert.equal(await box.ok(['images', '--filter', 'reference=x*', '-q']), '');
  // As from --format "$UNSET"; an age may be another a moment later.
  assert.match(await box.ok(['list', '--format', '']), /^REFERENCE +DIGEST .*\ncalls:1 +sha256:/);
  await box.fails(2, /never closed/, ['list', '--format', '{{.Size']);
  await box.fails(2, /no field 'Sise'; there are Reference/, ['list', '--format', '{{.Sise}}']);
});

test('tag and rm: a blob goes with its last name', async () => {
  await box.ok(['tag', 'calls:1', 'other:2']);
  assert.match(await box.ok(['list', '-q']), /^sha256:[0-9a-f]{12}\n$/, 'two names, one image');
  assert.equal(await box.ok(['rm', 'other:2']), 'Untagged: other:2\n');
  assert.match(await box.ok(['list']), /calls:1/);
  await box.fails(3, /no image "other:2" .*\n {2}There is calls:1/, ['rm', 'other:2']);
  assert.equal(await box.ok(['rm', '-f', 'other:2']), '');
  await box.fails(3, /no image "nope:1"/, ['tag', 'nope:1', 'x:1']);
  await box.fails(2, /not an image name/, ['tag', 'calls:1', 'UPPER CASE']);
});

test('describe: text, json, template, of an image and of a file', async () => {
  const text = await box.ok(['describe', 'calls:1']);
  assert.match(text, /^Image: +calls:1\n/);
  assert.match(text, /Description: +counts calls/);
  assert.match(text, /Authors: +A\. Tester/);
  assert.match(text, /PROGRAM +HOOK +TYPE\non_enter +raw_tp\/sys_enter +raw_tp/);
  assert.match(text, /print_events +ringbuf +.*struct event +65\.5kB +print/);
  assert.match(text, /counter_calls +hash +struct who +__u64 +64 +counter/);
  assert.match(text, /target_pid +__u32 +0 +only this process/);
  const json = JSON.parse(await box.ok(['describe', '--format', 'json', 'calls:1']));
  assert.deepEqual(json.Objects[0].Maps.map((m: { Name: string }) => m.Name).sort(), [
    'counter_calls',
    'print_events',
  ]);
  const names = '{{range .Objects}}{{range .Programs}}{{.Name}}{{end}}{{end}}';
  assert.equal(await box.ok(['describe', '--format', names, 'calls:1']), 'on_enter\n');
  assert.match(await box.ok(['describe', './calls.o']), /^File: +\.\/calls\.o\n/);
  const inspected = JSON.parse(await box.ok(['inspect', 'calls:1', 'calls.o']));
  assert.equal(inspected.length, 2);
  assert.equal(inspected[0].Manifest.schemaVersion, 2);
});

test('inspect: a wrong name does not keep the others', async () => {
  const { code, stdout, stderr } = await box.skep(['inspect', 'nope:1', 'calls:1']);
  assert.equal(code, 3);
  assert.match(stderr, /no image "nope:1"/);
  assert.equal(JSON.parse(stdout)[0].Reference, 'calls:1');
});

test('an object that is no probe is named with what is wrong, by every command', async () => {
  const bad = badObjects(box.dir, bytesOf(box.path('calls.o')));
  const why: Record<string, RegExp> = {
    'big-endian': /big-endian/i,
    'no-btf': /type information|BTF/i,
    'other-machine': /x86/i,
    text: /ELF/,
    empty: /ELF|empty/,
    truncated: /truncated|ELF/,
  };
  for (const [name, path] of Object.entries(bad)) {
    await box.fails(7, why[name]!, ['describe', path]);
    await box.fails(7, why[name]!, ['build', path, 'bad:1']);
    if (process.getuid?.() === 0) await box.fails(7, why[name]!, ['run', path, '--timeout', '1s']);
  }
  await box.fails(3, /nope\.o: no such file/, ['describe', 'nope.o']);
  await box.fails(3, /nope\.c/, ['build', 'nope.c']);
  assert.equal(await box.ok(['list', 'bad', '-q']), '');
});

test('a damaged image is named and harms no other', async () => {
  using hurt = new Sandbox();
  writeFileSync(hurt.path('calls.c'), source);
  await hurt.ok(['build', 'calls.c', 'calls:1']);
  await hurt.ok(['build', 'calls.c', 'other:1', '--cflags', '-DOTHER', '--description', 'other']);
  const manifest = JSON.parse(await hurt.ok(['inspect', '--format', '{{json .Manifest}}', 'calls:1']));
  const [, hex] = manifest.layers[0].digest.split(':');
  const blob = hurt.path('store', 'blobs', 'sha256', hex);
  chmodSync(blob, 0o644);
  truncateSync(blob, 100);
  await hurt.fails(7, /./, ['describe', 'calls:1']);
  assert.match(await hurt.ok(['list']), /other:1/);
  // What every such message says helps, also where it is the manifest.
  const digest = (await hurt.ok(['list', '-q', '--no-trunc', 'other'])).trim();
  truncateSync(hurt.path('store', 'blobs', digest.replace(':', '/')), 3);
  await hurt.fails(7, /Pull or build the image that needs it again/, ['describe', 'other:1']);
  assert.match(await hurt.ok(['rm', 'other:1']), /^Untagged: other:1\n/);
  const index = hurt.path('store', 'index.json');
  writeFileSync(index, '{');
  await hurt.fails(7, /index\.json/, ['list']);
});

test('a store that cannot be used: newer, unwritable, a file', async () => {
  using odd = new Sandbox();
  mkdirSync(odd.path('newer'));
  writeFileSync(odd.path('newer', 'oci-layout'), '{"imageLayoutVersion":"9.0.0"}');
  await odd.fails(7, /9\.0\.0/, ['list', '--storage', odd.path('newer')]);
  writeFileSync(odd.path('file'), '');
  const { code } = await odd.fails(7, /./, ['list', '--storage', odd.path('file')]);
  assert.notEqual(code, 1);
  await odd.fails(2, /no store can be in \/proc/, ['list', '--storage', '/proc/x/y']);
  await odd.fails(2, /--storage names no folder/, ['list', '--storage', '']);
  if (process.getuid?.() !== 0) return;
  mkdirSync(odd.path('mine'), { mode: 0o700 });
  chmodSync(odd.dir, 0o755);
  const asNobody = { uid: 65534, env: { SKEP_STORAGE: odd.path('mine', 'store') } };
  await odd.fails(4, /mine/, ['list'], asNobody);
});

test('build: output file, several sources, flags, the same digest twice', async () => {
  using b = new Sandbox();
  mkdirSync(b.path('sub'));
  writeFileSync(b.path('sub', 'a.bpf.c'), source);
  writeFileSync(b.path('b.c'), source.replaceAll('on_enter', 'on_enter2'));
  assert.equal(await b.ok(['build', 'sub/a.bpf.c']), 'sub/a.bpf.o\n');
  assert.ok(existsSync(b.path('sub', 'a.bpf.o')));
  assert.equal(await b.ok(['build', b.path('b.c'), '-o', 'x.o', '-l']), 'x.o\n');
  assert.equal(await b.ok(['build', '--binary-only', '-q', 'b.c', 'ignored:1']), '');
  const first = await b.ok(['build', '-q', 'sub/a.bpf.c', 'b.c', 'bundle:1']);
  assert.match(first, /^sha256:[0-9a-f]{64}\n$/);
  assert.equal(await b.ok(['build', '-q', 'sub/a.bpf.c', 'b.c', 'bundle:2']), first);
  assert.match(await b.ok(['list', 'bundle']), /on_enter,on_enter2/);
  assert.deepEqual(
    readdirSync(b.dir)
      .filter((f) => f.endsWith('.o'))
      .sort(),
    ['b.o', 'x.o'],
    'no litter with a name',
  );
  await b.fails(2, /one source/, ['build', 'sub/a.bpf.c', 'b.c', '-o', 'x.o']);
  await b.fails(2, /there is no "README"/, ['build', 'README', 'x:1']);
  await b.fails(2, /not an image name/, ['build', 'b.c', 'No:Such:Name']);
  await b.fails(2, /holds a digest/, ['build', 'b.c', `b@sha256:${'0'.repeat(64)}`]);
  await b.fails(2, /would be overwritten/, ['build', 'b.c', '-o', './b.c']);
  await b.fails(2, /Allowed choices are v1, v2, v3, v4/, ['build', 'b.c', '--mcpu', 'v5']);
});

test('build: a source may be called anything, its object in the image has a plain name', async () => {
  using b = new Sandbox();
  mkdirSync(b.path('späce 雪'));
  writeFileSync(b.path('späce 雪', 'é b.c'), source);
  assert.equal(await b.ok(['build', 'späce 雪/é b.c']), 'späce 雪/é b.o\n');
  const names = '{{range .Objects}}{{.Name}}{{end}}';
  for (const file of ['é b.c', 'é b.o']) {
    await b.ok(['build', `späce 雪/${file}`, 'odd:1']);
    assert.equal(await b.ok(['describe', '--format', names, 'odd:1']), 'e_b.o\n');
  }
  writeFileSync(b.path('e_b.c'), source);
  await b.fails(2, /two sources would be "e_b\.o"/, ['build', 'späce 雪/é b.c', 'e_b.c', 'odd:2']);
});

test('build: what the compiler says comes through; a machine without clang is told', async () => {
  using b = new Sandbox();
  writeFileSync(b.path('bad.c'), '#include "skep.h"\nint f(void) { return nope; }\n');
  const { stderr } = await b.fails(7, /does not compile/, ['build', 'bad.c']);
  assert.match(stderr, /bad\.c:2:\d+: error: .*'nope'/);
  assert.doesNotMatch(stderr, /\x1b\[/);
  const colored = await b.skep(['build', 'bad.c'], { env: { NO_COLOR: undefined, FORCE_COLOR: '1' } });
  assert.match(colored.stderr, /\x1b\[.*error/);
  writeFileSync(b.path('calls.c'), source);
  await b.fails(3, /clang/, ['build', 'calls.c'], { env: { PATH: '/nonexistent' } });
  assert.ok(!existsSync(b.path('bad.o')) && !existsSync(b.path('calls.o')), 'nothing half made');
  await b.fails(4, /permission denied/, ['build', 'calls.c', '-o', '/proc/1/x.o']).catch(async () => {
    await b.fails(3, /no such file/, ['build', 'calls.c', '-o', '/proc/1/x.o']);
  });
  await b.fails(2, /is a folder/, ['build', 'calls.c', '-o', b.dir]);
});

test('a full disk is said', { skip: !existsSync('/dev/full') }, async () => {
  const { stderr } = await box.fails(1, /no space left/, ['build', 'calls.c', '-o', '/dev/full']);
  assert.match(stderr, /\/dev\/full/);
  writeFileSync(box.path('keep.o'), 'what was there');
  // A limit on the size of files stands in for the disk.
  const script = `import { writeWhole } from ${JSON.stringify(import.meta.resolve('../src/fs-errors.ts'))};
    await writeWhole('keep.o', new Uint8Array(100_000)).catch((e) => console.log(e.code, e.path));`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const limited = spawnSync('sh', ['-c', 'ulimit -f 1; exec "$0" "$@"', ...node], {
    cwd: box.dir,
    encoding: 'utf8',
  });
  assert.equal(limited.stdout, 'EFBIG keep.o\n', limited.stderr);
  assert.equal(readFileSync(box.path('keep.o'), 'utf8'), 'what was there');
  assert.deepEqual(
    readdirSync(box.dir).filter((name) => name.endsWith('.tmp')),
    [],
  );
  assert.ok(readFileSync(box.path('calls.c'), 'utf8') === source);
});

test('the entry says what it needs on an old Node', () => {
  const entry = readFileSync(join(import.meta.dirname, '../src/main.ts'), 'utf8');
  assert.equal(
    entry.match(/^import /m),
    null,
    'a named import that an old Node lacks is a SyntaxError there',
  );
});

test('what an image says of itself does not move about on a terminal', async () => {
  using b = new Sandbox();
  writeFileSync(b.path('calls.c'), source);
  await b.ok(['build', 'calls.c', 'calls:1', '--description', 'quiet\x1b[2J\x9b1A\x07\u202e']);
  for (const words of [
    ['describe', 'calls:1'],
    ['run', 'calls:1', '--help'],
  ]) {
    const text = await b.ok(words);
    assert.match(text, /quiet\ufffd\[2J\ufffd1A\ufffd\ufffd\n/);
    assert.doesNotMatch(text, /[\x1b\x9b\x07\u202e]/);
  }
  const { stderr } = await b.fails(3, /\[2J/, ['describe', './\x1b[2J.o']);
  assert.doesNotMatch(stderr, /\x1b/);
  // For programs it is as it was written.
  assert.equal(
    await b.ok(['inspect', '--format', '{{.Description}}', 'calls:1']),
    'quiet\x1b[2J\x9b1A\x07\u202e\n',
  );
});

test('save and load, through a file and a pipe', async () => {
  using box = new Sandbox();
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  await box.ok(['tag', 'calls:1', 'localhost:5000/calls:2']);
  const digest = (await box.ok(['list', '-q', '--no-trunc'])).trim();
  assert.equal(await box.ok(['save', '-o', 'all.tar', 'calls:1', 'localhost:5000/calls:2']), '');
  assert.equal(await box.ok(['save', '-o', 'again.tar', 'calls:1', 'localhost:5000/calls:2']), '');
  assert.deepEqual(readFileSync(box.path('all.tar')), readFileSync(box.path('again.tar')));
  const other = ['--storage', box.path('other')];
  assert.equal(
    await box.ok(['load', '-i', 'all.tar', ...other]),
    'Loaded image: calls:1\nLoaded image: localhost:5000/calls:2\n',
  );
  assert.equal((await box.ok(['list', '-q', '--no-trunc', ...other])).trim(), digest);
  assert.match(await box.ok(['describe', 'calls:1', ...other]), /on_enter/);
  const pipe = `${process.execPath} ${main} save calls:1 | ${process.execPath} ${main} load --name mine --storage ${box.path('third')}`;
  const piped = execFileSync('sh', ['-c', pipe], { env: box.env, cwd: box.dir, encoding: 'utf8' });
  assert.equal(piped, 'Loaded image: mine:latest\n');
  await box.fails(2, /--name is for one/, ['load', '-i', 'all.tar', '--name', 'x', ...other]);
  await box.fails(3, /no image "nosuch"/, ['save', '-o', 'none.tar', 'calls:1', 'nosuch']);
  await box.fails(3, /none\.tar/, ['load', '-i', 'none.tar']);
  await box.fails(3, /: no\/such\.tar: no such file/, ['save', '-o', 'no/such.tar', 'calls:1']);
  await box.fails(2, /: other: is a folder/, ['save', '-o', 'other', 'calls:1']);
  // What is no file is written into, as /dev/null is, and stays what it is.
  execFileSync('mkfifo', [box.path('fifo')]);
  const reader = spawn('sha256sum', [box.path('fifo')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [read] = await Promise.all([text(reader.stdout), box.ok(['save', '-o', 'fifo', 'calls:1'])]);
  await box.ok(['save', '-o', 'one.tar', 'calls:1']);
  symlinkSync('one.tar', box.path('link.tar'));
  await box.ok(['save', '-o', 'link.tar', 'calls:1']);
  const sum = createHash('sha256')
    .update(readFileSync(box.path('one.tar')))
    .digest('hex');
  assert.equal(read.split(' ')[0], sum);
  assert.ok(lstatSync(box.path('fifo')).isFIFO() && lstatSync(box.path('link.tar')).isSymbolicLink());
  await box.fails(2, /other: is a folder, a file was expected/, ['load', '-i', 'other']);
  writeFileSync(box.path('text'), 'hello');
  await box.fails(7, /archive is refused/, ['load', '-i', 'text']);
  assert.deepEqual(
    readdirSync(box.dir).filter((f) => f.endsWith('.new')),
    [],
  );
});

test('a save that is stopped leaves nothing', async () => {
  using b = new Sandbox();
  const store = await Store.open(b.path('store'));
  const layer = await store.putBlob(Buffer.alloc(128 * 1024 * 1024), 'x/y');
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: layer, layers: [layer] };
  await store.putImage('large:1', Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  mkdirSync(b.path('out'));
  const begun = Promise.withResolvers<void>();
  const watcher = watch(b.path('out'), () => begun.resolve());
  const child = spawn(process.execPath, [main, 'save', '-o', b.path('out/large.tar'), 'large:1'], {
    env: b.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = text(child.stderr);
  await begun.promise;
  watcher.close();
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  assert.equal(code, 130, await said);
  assert.match(await said, /^skep: The writing of .*large\.tar was stopped\n {2}Start it again/);
  assert.deepEqual(readdirSync(b.path('out')), []);
});

test('a reader of an archive that goes away before its end is an error', async () => {
  using b = new Sandbox();
  const store = await Store.open(b.path('store'));
  const layer = await store.putBlob(Buffer.alloc(1024 * 1024), 'x/y');
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: layer, layers: [layer] };
  await store.putImage('large:1', Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  const child = spawn(process.execPath, [main, 'save', 'large:1'], {
    env: b.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  assert.equal(
    said,
    'skep: standard output: its reader went away before the end\n  What it has is not whole.\n',
  );
  assert.equal(code, 1);
});

test('a name that a container image cannot have is told before its Node is fetched', async () => {
  const cache = box.path('no-node');
  await box.fails(2, /"X:1" is not an image name/, ['package', 'calls:1', '-t', 'X:1'], {
    env: { XDG_CACHE_HOME: cache },
  });
  assert.ok(!existsSync(join(cache, 'skep/package')));
});

test('verify --store names what is damaged, prune takes what is loose', async () => {
  using box = new Sandbox();
  assert.equal(await box.ok(['verify', '--store']), '0 images, 0 blobs, 0B read: all is well\n');
  assert.equal(await box.ok(['prune']), 'Total reclaimed space: 0B\n');
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  assert.match(await box.ok(['verify', '--store']), /^1 image, \d blobs, \S+B read: all is well\n$/);
  const loose = createHash('sha256').update('loose').digest('hex');
  writeFileSync(box.path('store', 'blobs', 'sha256', loose), 'loose');
  assert.match(await box.ok(['verify', '--store']), /1 of them needed by none \(skep prune\)/);
  assert.match(
    await box.ok(['prune']),
    /^Total reclaimed space: 0B\n1 more \(5B\) are younger than an hour: --all/,
  );
  assert.match(
    await box.ok(['prune', '--all', '--dry-run']),
    new RegExp(`^Would delete: sha256:${loose}\nTotal reclaimable`),
  );
  assert.equal(await box.ok(['prune', '-a']), `Deleted: sha256:${loose}\nTotal reclaimed space: 5B\n`);
  const layer = JSON.parse(await box.ok(['inspect', '--format', '{{json .Manifest}}', 'calls:1'])).layers[0]
    .digest;
  truncateSync(box.path('store', 'blobs', layer.replace(':', '/')), 10);
  const broken = await box.fails(7, /is damaged/, ['verify', '--store']);
  assert.match(broken.stdout, /another digest.* Needed by calls:1\.\n.*: 1 problem\n$/);
  const asJson = await box.skep(['verify', '--store', '-o', 'json']);
  assert.equal(asJson.code, 7);
  assert.deepEqual(JSON.parse(asJson.stdout).Problems[0].Images, ['calls:1']);
  await box.fails(2, /nothing to verify/, ['verify']);
  await box.fails(2, /about all images/, ['verify', '--store', 'calls:1']);
});
