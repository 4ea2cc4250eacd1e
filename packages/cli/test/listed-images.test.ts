// `skep list` remembers what it has read; these say that it tells the truth all the same.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Store } from '@skep/oci';
import type { ListedImage } from '../src/listed-cache.ts';
import { entriesBetween, namesBetween } from '../src/listed-difference.ts';
import { filtered } from '../src/listed-filter.ts';
import { listImages, listLines } from '../src/listed-images.ts';
import { linesOf, tableOf } from '../src/listed-table.ts';
import { humanAge } from '../src/output/age.ts';
import { humanSize } from '../src/output/size.ts';
import { renderTable } from '../src/output/table.ts';
import type { Settings } from '../src/settings.ts';
import { Sandbox } from './harness.ts';

const TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.dev.skep.probe.config.v1+json',
};
const dir = mkdtempSync(join(tmpdir(), 'skep-list-'));
const before = process.env.XDG_CACHE_HOME;
process.env.XDG_CACHE_HOME = join(dir, 'cache');
after(() => {
  process.env.XDG_CACHE_HOME = before;
  rmSync(dir, { recursive: true });
});

const settings = (storage: string) => ({ storage }) as Settings;
const rows = async (storage: string) =>
  (await listImages(settings(storage))).map((i) => `${i.reference} ${i.programs}`).sort();

/** An image of ours, as far as a list reads it. */
async function put(store: Store, name: string, programs: string[], fetched = true): Promise<string> {
  const layer = await store.putBlob(randomBytes(20), 'application/vnd.dev.skep.object.v1+binary');
  const objects = [{ name: 'a.o', digest: layer.digest, programs: programs.map((p) => ({ name: p })) }];
  const config = await store.putBlob(
    Buffer.from(JSON.stringify({ schemaVersion: 1, name: 'a', os: 'linux', architecture: 'amd64', objects })),
    TYPE.config,
  );
  const document = { schemaVersion: 2, mediaType: TYPE.manifest, config, layers: [layer] };
  const manifest = await store.putBlob(Buffer.from(JSON.stringify(document)), TYPE.manifest);
  const elsewhere = { mediaType: TYPE.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 7 };
  const manifests = [
    { ...manifest, platform: { os: 'linux', architecture: 'amd64' } },
    ...(fetched ? [] : [{ ...elsewhere, platform: { os: 'linux', architecture: 'arm64' } }]),
  ];
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests }));
  await store.putImage(name, index, TYPE.index, {}, [manifest, config, layer]);
  return manifest.digest;
}

/** As if all of it had been written a minute ago: only then is a whole list kept. */
function settle(storage: string): void {
  const then = new Date(Date.now() - 60_000);
  for (const place of ['oci-layout', '.skep/version', 'index.json', 'blobs/sha256'])
    utimesSync(join(storage, place), then, then);
}

const cached = () => readdirSync(join(dir, 'cache/skep/lists'));

test('a list is kept, and read anew after every change', async () => {
  const storage = join(dir, 'store');
  assert.deepEqual(await rows(storage), []);
  const store = await Store.open(storage);
  await put(store, 'a:1', ['on_a']);
  await put(store, 'b:1', ['on_b', 'more']);
  assert.deepEqual(await rows(storage), ['a:1 on_a', 'b:1 on_b,more']);
  assert.equal(
    cached().filter((f) => f.endsWith('.rows')).length,
    1,
    'of the empty store, which nothing can have changed since',
  );
  settle(storage);
  await rows(storage);
  // What comes from the file and not from the store is seen by changing the file.
  const file = join(dir, 'cache/skep/lists', cached().find((f) => f.endsWith('store.rows'))!);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('on_a', 'kept'));
  assert.deepEqual(await rows(storage), ['a:1 kept', 'b:1 on_b,more']);
  await store.tag('a:1', 'c:1');
  // What is in the file stays, and tells of another name of the same image.
  assert.deepEqual(await rows(storage), ['a:1 kept', 'b:1 on_b,more', 'c:1 kept']);
  writeFileSync(file, text);
  await store.remove('a:1');
  assert.deepEqual(await rows(storage), ['b:1 on_b,more', 'c:1 on_a']);
  // A file that was cut short, or is of another store, is no list.
  settle(storage);
  await rows(storage);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -10));
  assert.deepEqual(await rows(storage), ['b:1 on_b,more', 'c:1 on_a']);
  writeFileSync(file, 'nonsense');
  assert.deepEqual(await rows(storage), ['b:1 on_b,more', 'c:1 on_a']);
});

test('a blob that is gone is missed at once, and what comes is seen', async () => {
  const storage = join(dir, 'hurt');
  const store = await Store.open(storage);
  const manifest = await put(store, 'a:1', ['on_a']);
  settle(storage);
  assert.deepEqual(await rows(storage), ['a:1 on_a']);
  const bytes = readFileSync(store.blobPath(manifest));
  unlinkSync(store.blobPath(manifest));
  assert.deepEqual(await rows(storage), ['a:1 (unreadable)']);
  settle(storage);
  assert.deepEqual(await rows(storage), ['a:1 (unreadable)']);
  await store.putBlob(bytes, TYPE.manifest);
  assert.deepEqual(await rows(storage), ['a:1 on_a']);
});

test('a change in the same moment as the list is not taken for none', async () => {
  const storage = join(dir, 'racy');
  const store = await Store.open(storage);
  await put(store, 'a:1', ['on_a']);
  await rows(storage);
  assert.ok(
    !cached().some((f) => f.endsWith('racy.rows')),
    'nothing is kept of a store that changes just now',
  );
  await put(store, 'b:1', ['on_b'], false);
  assert.deepEqual(await rows(storage), ['a:1 on_a', 'b:1 on_b']);
});

test('after any changes a kept list is what a fresh one would be', async () => {
  const storage = join(dir, 'changing');
  const store = await Store.open(storage);
  /** With the cache, and without one. */
  const both = async () => {
    const kept = [await listLines(settings(storage)), await listImages(settings(storage))];
    const cache = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = join(dir, 'no-cache', String(Math.random()));
    const fresh = [await listLines(settings(storage)), await listImages(settings(storage))];
    process.env.XDG_CACHE_HOME = cache;
    assert.deepEqual(kept, fresh);
    return kept[0] as string;
  };
  const changes: (() => Promise<unknown>)[] = [
    () => put(store, 'a:1', ['on_a']),
    () => put(store, 'b:1', ['on_b', 'more']),
    () => store.tag('a:1', 'again:1'),
    // The widest name comes and goes, an old one goes to the end, and the last one goes.
    () => put(store, 'host.example/with/a/long/name:1', ['x']),
    () => put(store, 'a:1', ['moved']),
    () => store.remove('host.example/with/a/long/name:1'),
    () => store.tag('b:1', 'b:1'),
    () => put(store, 'partly:1', ['amd'], false),
    () => Promise.all(['p', 'q', 'r', 's'].map((name) => put(store, `${name}:1`, [name]))),
    () => store.remove('b:1'),
    () => Promise.all(['p', 'q', 'r', 's', 'a', 'again', 'partly'].map((name) => store.remove(`${name}:1`))),
    () => put(store, 'z:1', ['on_z']),
  ];
  for (const change of changes) {
    await change();
    await both(); // of a moment ago: from what was kept before, and not kept
    settle(storage);
    await both();
  }
  assert.match(await both(), /^REFERENCE.*\nz:1 .*\ton_z\n$/);
});

test('what index.json and a folder had before is told from what they have', () => {
  const entry = (name: string) => ({
    mediaType: TYPE.index,
    digest: `sha256:${name.repeat(64)}`,
    size: 289,
    annotations: { 'org.opencontainers.image.ref.name': `r.example/${name}:1` },
  });
  const text = (names: string, more = {}) =>
    JSON.stringify({ schemaVersion: 2, mediaType: TYPE.index, manifests: [...names].map(entry), ...more });
  const letters = (before: string, now: string) => {
    const found = entriesBetween(text(before), text(now));
    return found && [found.gone, found.come].map((list) => list.map((e) => e.digest[7]).join(''));
  };
  for (const [before, now, gone, come] of [
    ['abc', 'abc', '', ''],
    ['abc', 'abcd', '', 'd'],
    ['abc', 'bc', 'a', ''],
    ['abc', 'ac', 'b', ''],
    ['abc', 'ab', 'c', ''],
    ['abc', 'bca', '', ''],
    ['abc', 'dbc', 'a', 'd'],
    ['abc', '', 'abc', ''],
    ['', 'ab', '', 'ab'],
    ['a', 'b', 'a', 'b'],
    ['abcdef', 'ab9ef', 'cd', '9'],
    ['aab', 'ab', 'a', ''],
    ['ab', 'aab', '', 'a'],
  ] as const)
    assert.deepEqual(letters(before, now), [gone, come], `${before} ${now}`);
  // Another tool's text may be of any shape.
  assert.equal(entriesBetween(text('a'), text('ab', { more: [entry('c')] })), undefined);
  assert.equal(entriesBetween(text('a'), JSON.stringify(JSON.parse(text('ab')), null, 2)), undefined);
  assert.equal(entriesBetween('nonsense', text('ab')), undefined);
  assert.equal(entriesBetween('', ''), undefined);

  const lines = (names: string) => [...names].map((name) => `${name}\n`).join('');
  for (const [before, now, gone, come] of [
    ['abc', 'abc', '', ''],
    ['', 'ab', '', 'ab'],
    ['ab', '', 'ab', ''],
    ['bd', 'abcde', '', 'ace'],
    ['abcde', 'bd', 'ace', ''],
    ['abd', 'bce', 'ad', 'ce'],
  ] as const)
    assert.deepEqual(namesBetween(lines(before), lines(now)), { gone: [...gone], come: [...come] });
  assert.deepEqual(namesBetween('ab\n', 'a\nab\nabc\n'), { gone: [], come: ['a', 'abc'] });
  const many = Array.from({ length: 9000 }, (_, i) => `${String(i * 7).padStart(8, '0')}\n`);
  for (let i = 0; i < many.length; i += 101) {
    const [before, now] = [many.join(''), many.toSpliced(i, 1).join('')];
    const name = many[i]!.slice(0, -1);
    assert.deepEqual(namesBetween(before, now), { gone: [name], come: [] });
    assert.deepEqual(namesBetween(now, before), { gone: [], come: [name] });
  }
  assert.equal(namesBetween(many.join(''), ''), undefined, 'that is for who reads all');
});

test('the table is the same as one that is made row by row, at any time', () => {
  const now = new Date('2026-11-26T12:00:00Z');
  const made = (i: number): number => (i < 280 ? Math.floor(now.getTime() - (1.13 ** i / 3) * 1000) : 0);
  const images = Array.from({ length: 290 }, (_, i): ListedImage => {
    const digest = `sha256:${String(i).padStart(64, '0')}`;
    const reference = i % 7 === 0 ? `r.example/x@${digest}` : `r.example/p${i % 3}:${i}`;
    const programs = ['', 'one', 'a,b', 'a,b,c,d,e,f'][i % 4]!;
    return { reference, digest, size: 7 ** (i % 14), created: made(i), platform: 'linux/amd64', programs };
  });
  for (const part of [images, images.slice(0, 1), images.slice(285), images.slice(0, 40), []]) {
    for (const later of [0, 59_000, 86_400_000 * 9]) {
      const then = new Date(now.getTime() + later);
      const cells = part.map((i) => [
        i.reference.replace(/@.*/, `@${i.digest.slice(0, 19)}`),
        i.digest.slice(0, 19),
        humanSize(i.size),
        humanAge(i.created > 0 ? new Date(i.created) : undefined, then),
        i.programs.replace(/^(a,b,c),.*/, '$1 +3'),
      ]);
      const header = ['REFERENCE', 'DIGEST', 'SIZE', 'CREATED', 'PROGRAMS'];
      assert.equal(tableOf(linesOf(part), then), renderTable(header, cells));
    }
  }
  // Rounded to three digits as before: 999.5 is a thousand.
  assert.deepEqual([999, 999.4, 999.5, 999_499, 999_500, 0].map(humanSize), [
    '999B',
    '999B',
    '1kB',
    '999kB',
    '1MB',
    '0B',
  ]);
});

test('the lines that are kept are those of the store', async () => {
  const storage = join(dir, 'lines');
  const store = await Store.open(storage);
  await put(store, 'a:1', ['on_a']);
  settle(storage);
  const first = await listLines(settings(storage));
  assert.match(first, /^a:1 .*\ton_a$/m);
  assert.equal(first, await listLines(settings(storage)));
  const kept = cached().find((f) => f.endsWith('lines.lines'))!;
  const path = join(dir, 'cache/skep/lists', kept);
  writeFileSync(path, readFileSync(path, 'utf8').replace('on_a', 'kept'));
  assert.match(await listLines(settings(storage)), /\tkept$/m, 'out of the file');
  await put(store, 'b:1', ['on_b']);
  assert.match(await listLines(settings(storage)), /\ton_b$/m);
});

test('a cache that is closed to this user only makes the list slower', {
  skip: process.getuid?.() === 0 ? false : 'becoming another user needs root',
}, async () => {
  using box = new Sandbox();
  const store = await Store.open(box.path('store'));
  await put(store, 'a:1', ['on_a']);
  settle(box.path('store'));
  chmodSync(box.dir, 0o755);
  mkdirSync(box.path('closed'), { mode: 0o700 });
  const { code, stdout, stderr } = await box.skep(['list'], {
    ...{ uid: 65534, env: { XDG_CACHE_HOME: box.path('closed') } },
  });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^a:1 /m);
});

test('filters are those of docker images: by name, with * and ?, by age, and images without a name', () => {
  const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
  const names = ['ghcr.io/me/oomkill:1', 'oomkill:2', 'execsnoop:latest', digest(4)];
  const all = names.map(
    (reference, i): ListedImage => ({
      reference,
      digest: digest(i + 1),
      size: 1,
      created: i,
      platform: '',
      programs: '',
    }),
  );
  const shown = (...filters: string[]) => filtered(all, filters).map((i) => i.created);
  assert.deepEqual(shown(), [0, 1, 2, 3]);
  assert.deepEqual(shown('reference=oomkill'), [1]);
  assert.deepEqual(shown('reference=oom*'), [1]);
  assert.deepEqual(shown('reference=*/*/oom*:?'), [0]);
  assert.deepEqual(shown('reference=oomkill:2', 'reference=exec*'), [1, 2]);
  assert.deepEqual(shown('reference=o.mkill'), []);
  assert.deepEqual(shown('reference=oom[jk]ill'), [1]);
  assert.deepEqual(shown('reference=oom['), []);
  assert.deepEqual([shown('since=oomkill:2'), shown('before=oomkill')], [[2, 3], [0]]);
  assert.deepEqual(shown('since=1111', 'before=execsnoop'), [1]);
  assert.deepEqual(shown('since=sha256:1111', `before=${digest(3)}`), [1]);
  assert.deepEqual([shown('dangling=true'), shown('dangling=false')], [[3], [0, 1, 2]]);
  const none = ['since=nope', 'since=', 'before=', 'since=1', 'since=sha256:'];
  for (const bad of ['x', 'reference', 'label=a', 'dangling=yes', '__proto__=1', ...none])
    assert.throws(() => filtered(all, [bad]), { code: 'SKEP_USAGE' }, bad);
});
