import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { BpfError } from '@skep/bpf';
import { formatPlatform, MEDIA_TYPE, machinePlatform, OciError, parsePlatform, Store } from '@skep/oci';
import fc from 'fast-check';
import { layerKind, ProbeError, type ProbeImage, packImage, unpackImage } from '../src/index.ts';
import { build, Folder, PROGRAM } from './support.ts';

let folder: Folder;
let store: Store;
let bytes: Uint8Array;
let image: ProbeImage;

before(async () => {
  folder = new Folder();
  store = await Store.open(join(folder.path, 'store'));
  bytes = await build(PROGRAM);
  image = { name: 'oomkill', objects: [{ name: 'oomkill.o', bytes }], platform: 'linux/amd64' };
});
after(async () => {
  await store.close();
  folder[Symbol.dispose]();
});

const code = (wanted: string) => (e: unknown) =>
  (e instanceof ProbeError || e instanceof OciError || e instanceof BpfError) &&
  e.code === wanted &&
  e.hint.length > 0;

test('what is packed is unpacked', async () => {
  const second = await build(`${PROGRAM}\nint more;`);
  const full: ProbeImage = {
    name: 'full',
    objects: [...image.objects, { name: 'second.o', bytes: second }],
    description: 'what it does',
    authors: 'me',
    title: 'sources',
    version: '1.2',
    licenses: 'GPL-2.0 OR BSD-2-Clause',
    source: 'https://example.com/x',
    attach: ['nothing=sys_exit'],
    platform: 'linux/arm64',
    created: new Date('2026-01-02T03:04:05Z'),
  };
  const stored = await packImage(store, 'registry.example/x/full:1', full);
  assert.equal(stored.reference, 'registry.example/x/full:1');
  const back = await unpackImage(store, stored);
  const objects = back.objects.map((o) => ({ ...o, bytes: new Uint8Array(o.bytes) }));
  assert.deepEqual({ ...back, objects }, { ...full, name: 'registry.example/x/full:1' });
  assert.deepEqual(stored.manifest.annotations, {
    'org.opencontainers.image.authors': 'me',
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    'org.opencontainers.image.description': 'what it does',
    'org.opencontainers.image.title': 'sources',
    'org.opencontainers.image.version': '1.2',
    'org.opencontainers.image.licenses': 'GPL-2.0 OR BSD-2-Clause',
    'org.opencontainers.image.source': 'https://example.com/x',
  });
  assert.equal(stored.manifest.artifactType, 'application/vnd.dev.skep.probe.v1');
  assert.deepEqual(stored.index?.annotations, stored.manifest.annotations);
  assert.deepEqual(
    stored.index?.manifests.map((m) => m.platform),
    [{ architecture: 'arm64', os: 'linux' }],
  );
  await assert.rejects(packImage(store, 'x:1', { ...full, attach: ['nobody=eth0'] }), code('SKEP_TARGET'));
  assert.deepEqual(
    stored.manifest.layers.map((l) => [l.mediaType, l.annotations]),
    [
      ['application/vnd.dev.skep.object.v1+binary', { 'org.opencontainers.image.title': 'oomkill.o' }],
      ['application/vnd.dev.skep.object.v1+binary', { 'org.opencontainers.image.title': 'second.o' }],
    ],
  );
});

test('a large object is compressed, and what does not unpack to an object is refused', async () => {
  // 64 KiB and more, of what compresses well: nothing but zeros.
  const large = await build(`${PROGRAM}\nchar padding[100000] = {1};`);
  assert.ok(large.length > 65_536);
  const stored = await packImage(store, 'large:1', {
    ...image,
    objects: [{ name: 'large.o', bytes: large }],
  });
  const [layer] = stored.manifest.layers;
  assert.equal(layer?.mediaType, 'application/vnd.dev.skep.object.v1+zstd');
  assert.ok(layer.size < 20_000, `${layer.size} bytes`);
  assert.deepEqual(Buffer.from((await unpackImage(store, stored)).objects[0]!.bytes), Buffer.from(large));
  // RFC 8878 3.1.1
  const packed = await store.readBlob(layer.digest);
  assert.equal(Buffer.from(packed).readUInt32LE(0), 0xfd2fb528);

  /** The same image, with other bytes for a layer. */
  const withLayer = async (other: Uint8Array) => {
    const put = await store.putBlob(other, layer.mediaType);
    const config = JSON.parse(Buffer.from(await store.readBlob(stored.manifest.config.digest)).toString());
    config.objects[0].digest = put.digest;
    const changed = await store.putBlob(
      Buffer.from(JSON.stringify(config)),
      stored.manifest.config.mediaType,
    );
    const manifest = { ...stored.manifest, config: changed, layers: [{ ...layer, ...put }] };
    await store.putImage('odd:1', Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
    return unpackImage(store, (await store.resolve('odd:1'))!);
  };
  const why = (text: RegExp) => (e: unknown) =>
    code('SKEP_IMAGE_INVALID')(e) && text.test((e as Error).message);
  await assert.rejects(
    withLayer(packed.slice(0, packed.length - 9)),
    why(/large\.o cannot be unpacked: its zstd is damaged/),
  );
  await assert.rejects(withLayer(Buffer.from('nothing')), why(/its zstd is damaged/));
  const bomb = zstdCompressSync(Buffer.alloc(65 * 1024 * 1024));
  assert.ok(bomb.length < 10_000);
  await assert.rejects(withLayer(bomb), why(/more than the 64 MiB allowed/));
  await assert.rejects(withLayer(zstdCompressSync(Buffer.from('no object'))), code('SKEP_IMAGE_INVALID'));
});

test('one image for two platforms: an index that does not hang on their order', async () => {
  const other = await build(`${PROGRAM}\nint arm;`);
  const arm = { ...image, objects: [{ name: 'oomkill.o', bytes: other }], platform: 'linux/arm64' };
  const stored = await packImage(store, 'two:1', [arm, image]);
  assert.equal((await packImage(store, 'two:2', [image, arm])).descriptor.digest, stored.descriptor.digest);
  for (const [platform, wanted] of [
    ['linux/amd64', bytes],
    ['linux/arm64', other],
  ] as const) {
    const part = await unpackImage(store, (await store.resolve('two:1', parsePlatform(platform)))!);
    assert.equal(part.platform, platform);
    assert.deepEqual(part.objects[0]!.bytes, Buffer.from(wanted));
  }
  assert.equal((await unpackImage(store, stored)).platform, formatPlatform(machinePlatform()));
  await assert.rejects(packImage(store, 'two:3', [image, image]), code('SKEP_IMAGE_INVALID'));
  await assert.rejects(packImage(store, 'two:4', [image, arm], { format: 'bee' }), code('SKEP_IMAGE_FORMAT'));
  const only = await packImage(store, 'arm:1', arm);
  assert.equal(
    (await unpackImage(store, only)).platform,
    'linux/arm64',
    'found though it is not for this machine',
  );
  await assert.rejects(store.resolve('arm:1', machinePlatform()), code('SKEP_PLATFORM'));
});

test('the config tells of the image, as docs/image-spec.md says', async () => {
  const source = `SKEP_PARAM(__u32, target_pid, 0, "only this process");
    struct event { __u32 pid; };
    SKEP_EVENTS(print_events, struct event, 65536) SKEP_HELP("one row");
    SEC("kprobe/do_exit") int on_exit(void *ctx)
    {
      struct event *e = skep_begin(print_events);
      if (!e) return 0;
      e->pid = target_pid + bpf_loop(1, (void *)0, (void *)0, 0);
      skep_send(ctx, print_events, e);
      return 0;
    }`;
  const object = await build(source);
  const digest = `sha256:${createHash('sha256').update(object).digest('hex')}`;
  const stored = await packImage(store, 'told:1', {
    ...image,
    objects: [{ name: 'told.o', bytes: object }],
    skepHeader: '1',
    params: ['target_pid=7'],
    show: ['counter=print_events'],
  });
  const config = JSON.parse(Buffer.from(await store.readBlob(stored.manifest.config.digest)).toString());
  const [{ programs, parameters, maps, ...about }] = config.objects;
  assert.deepEqual(
    { ...config, objects: undefined, requires: undefined },
    {
      schemaVersion: 1,
      name: 'told',
      os: 'linux',
      architecture: 'amd64',
      skepHeader: '1',
      defaults: ['target_pid=7'],
      show: ['counter=print_events'],
      objects: undefined,
      requires: undefined,
    },
  );
  assert.deepEqual((await unpackImage(store, stored)).show, ['counter=print_events']);
  await assert.rejects(packImage(store, 'told:2', { ...image, show: ['nothing:event'] }), {
    code: 'SKEP_IMAGE_INVALID',
    message: /no object has a map "nothing"/,
  });
  assert.deepEqual(about, { name: 'told.o', digest, license: 'GPL' });
  assert.deepEqual(programs, [
    { name: 'on_exit', section: 'kprobe/do_exit', type: 'kprobe', target: 'do_exit' },
  ]);
  assert.deepEqual(parameters, [
    { name: 'target_pid', type: '__u32', default: '0', help: 'only this process' },
  ]);
  assert.equal(maps.at(-1).output, 'print');
  // A perf buffer does where there are no ring buffers; the loop has no stand-in.
  const { features } = config.requires;
  const names = features.map((f: { name: string; since: string }) => `${f.name} ${f.since}`);
  assert.ok(names.includes('bpf_loop 5.17') && names.includes('kprobe 4.1'), String(names));
  assert.ok(!names.some((n: string) => /ringbuf/.test(n)), String(names));
});

test('what contradicts its config, or is of a later version, is not used', async () => {
  const stored = await packImage(store, 'odd:1', image);
  const config = JSON.parse(Buffer.from(await store.readBlob(stored.manifest.config.digest)).toString());
  const withConfig = async (changed: unknown): Promise<ProbeImage> => {
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed);
    const blob = await store.putBlob(Buffer.from(text), stored.manifest.config.mediaType);
    return unpackManifest({ ...stored.manifest, config: blob });
  };
  assert.equal((await withConfig({ ...config, later: 'key' })).title, 'oomkill');
  const refused: [unknown, RegExp][] = [
    ['{', /not JSON/],
    ['[]', /not a JSON object/],
    [{ ...config, schemaVersion: undefined }, /no schemaVersion/],
    [{ ...config, name: '' }, /"name" of its config/],
    [{ ...config, attach: 'x=y' }, /"attach" of its config/],
    [{ ...config, objects: [{}] }, /"objects" of its config/],
    [{ ...config, objects: [] }, /other objects/],
    [{ ...config, objects: [...config.objects, ...config.objects] }, /2 objects, and it has 1/],
  ];
  for (const [changed, why] of refused) {
    await assert.rejects(
      withConfig(changed),
      (e: Error) => code('SKEP_IMAGE_INVALID')(e) && why.test(e.message),
    );
  }
  await assert.rejects(
    withConfig({ ...config, schemaVersion: 2 }),
    (e: Error) => code('SKEP_IMAGE_UNSUPPORTED')(e) && /newer skep/.test(e.message),
  );
  await assert.rejects(withConfig({ ...config, os: '', architecture: 'x' }), code('SKEP_IMAGE_INVALID'));
});

test('an image of the time before there was a config is read as it was written', async () => {
  const config = await store.putBlob(Buffer.from('{}'), 'application/ebpf.oci.image.config.v1+json');
  const object = await store.putBlob(bytes, 'application/ebpf.oci.image.program.v1+binary');
  const second = await store.putBlob(await build(`${PROGRAM}\nint old;`), object.mediaType);
  const types = await store.putBlob(Buffer.from('btf'), 'application/vnd.dev.skep.btf.v1+binary');
  const title = (text: string) => ({ 'org.opencontainers.image.title': text });
  const back = await unpackManifest({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { ...config, annotations: title('config.json') },
    layers: [
      { ...object, annotations: { ...title('program.o'), 'dev.skep.object.name': 'first.o' } },
      { ...second, annotations: title('second.o') },
      {
        ...types,
        annotations: {
          'dev.skep.kernel.architecture': 'x86_64',
          'dev.skep.kernel.release': '5.4.0-150-generic',
          ...title('5.4.0-150-generic.btf'),
        },
      },
    ],
    annotations: {
      'org.opencontainers.image.version': '1.2',
      'dev.skep.attach': '["nothing=sys_exit"]',
      'dev.skep.params': '["a=b"]',
      'dev.skep.platform': 'linux/arm64',
    },
  });
  assert.deepEqual(
    back.objects.map((o) => o.name),
    ['first.o', 'second.o'],
  );
  assert.deepEqual(
    back.kernelTypes?.map((t) => t.release),
    ['5.4.0-150-generic'],
  );
  assert.deepEqual(
    [back.version, back.attach, back.params, back.platform],
    ['1.2', ['nothing=sys_exit'], ['a=b'], 'linux/arm64'],
  );
});

test('the same input has the same digest, and SOURCE_DATE_EPOCH is the only clock', async () => {
  const first = (await packImage(store, 'a:1', image)).descriptor.digest;
  assert.equal((await packImage(store, 'b:1', { ...image, name: 'other' })).descriptor.digest, first);
  assert.notEqual((await packImage(store, 'c:1', { ...image, description: 'x' })).descriptor.digest, first);
  process.env.SOURCE_DATE_EPOCH = '1700000000';
  try {
    const dated = await packImage(store, 'd:1', image);
    assert.equal(dated.created?.toISOString(), '2023-11-14T22:13:20.000Z');
    process.env.SOURCE_DATE_EPOCH = 'yesterday';
    await assert.rejects(packImage(store, 'e:1', image), code('SKEP_IMAGE_INVALID'));
  } finally {
    delete process.env.SOURCE_DATE_EPOCH;
  }
  assert.equal((await packImage(store, undefined, image)).reference, 'oomkill:latest');
});

test("bee's format is to the byte what bee writes", async () => {
  const { descriptor } = await packImage(store, 'bee:1', image, { format: 'bee' });
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  // The manifest that bee 0.0.15 wrote for its own build, with this object's digest and size.
  const expected = `{"schemaVersion":2,"config":{"mediaType":"application/ebpf.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"annotations":{"org.opencontainers.image.title":"config.json"}},"layers":[{"mediaType":"application/ebpf.oci.image.program.v1+binary","digest":"${digest}","size":${bytes.length},"annotations":{"org.opencontainers.image.title":"program.o"}}]}`;
  assert.equal(Buffer.from(await store.readBlob(descriptor.digest)).toString(), expected);
  const back = await unpackImage(store, (await store.resolve('bee:1'))!);
  assert.deepEqual(
    back.objects.map((o) => o.name),
    ['program.o'],
  );
  assert.deepEqual(back.objects[0]!.bytes, Buffer.from(bytes));
  const two = { ...image, objects: [...image.objects, { name: 'b.o', bytes }] };
  await packImage(
    store,
    'bee:3',
    { ...image, title: 'x', version: '1', source: 'https://x' },
    { format: 'bee' },
  );
  assert.equal(
    (await store.resolve('bee:3'))!.descriptor.digest,
    descriptor.digest,
    'bee has no place for these',
  );
  await assert.rejects(packImage(store, 'bee:2', two, { format: 'bee' }), code('SKEP_IMAGE_FORMAT'));
});

test('the platform of an image that bee built is read from its entry in the index', async () => {
  await packImage(store, 'local:1', image, { format: 'bee' });
  const path = join(store.dir, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8'));
  const entry = index.manifests.find(
    (m: { annotations: Record<string, string> }) =>
      m.annotations['org.opencontainers.image.ref.name'] === 'local:1',
  );
  entry.platform = { architecture: 'x86_64', os: 'Linux', 'os.version': '6.18.44' };
  writeFileSync(path, JSON.stringify(index));
  assert.equal((await unpackImage(store, (await store.resolve('local:1'))!)).platform, 'linux/amd64');
});

test('what is no probe is not packed, and nothing is named', async () => {
  const bad = (objects: ProbeImage['objects']) => packImage(store, 'bad:1', { name: 'bad', objects });
  await assert.rejects(bad([]), code('SKEP_IMAGE_INVALID'));
  await assert.rejects(bad([{ name: 'x.o', bytes: Buffer.from('text') }]), code('SKEP_ELF_INVALID'));
  await assert.rejects(bad([{ name: '../x.o', bytes }]), code('SKEP_IMAGE_INVALID'));
  await assert.rejects(
    bad([
      { name: 'x.o', bytes },
      { name: 'x.o', bytes },
    ]),
    code('SKEP_IMAGE_INVALID'),
  );
  const unlicensed = execFileSync('clang', ['-target', 'bpf', '-g', '-O2', '-x', 'c', '-c', '-o', '-', '-'], {
    input: `static long (*ktime)(void) = (void *)5; static long (*printk)(const char *, int) = (void *)6;
      __attribute__((section("raw_tp/x"), used)) int f(void *c) { return ktime() + printk(c, 1); }`,
  });
  await assert.rejects(
    bad([{ name: 'x.o', bytes: unlicensed }]),
    (e: Error) => code('SKEP_LICENSE')(e) && /x\.o has no SEC\("license"\).*bpf_trace_printk/.test(e.message),
  );
  await assert.rejects(packImage(store, 'Bad Name', image), code('SKEP_REFERENCE_INVALID'));
  assert.equal(await store.resolve('bad:1'), undefined);
});

/** Stores a manifest made by hand and unpacks it. */
async function unpackManifest(manifest: object): Promise<ProbeImage> {
  await store.putImage('hand:1', Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.manifest);
  return unpackImage(store, (await store.resolve('hand:1'))!);
}

test('layers are found by title, else by media type; names that lead out of a folder are not taken over', async () => {
  const config = await store.putBlob(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json');
  const layer = await store.putBlob(bytes, 'application/octet-stream');
  const titled = { ...layer, annotations: { 'org.opencontainers.image.title': 'program.o' } };
  const typed = {
    ...layer,
    mediaType: 'application/ebpf.oci.image.program.v1+binary',
    annotations: { 'org.opencontainers.image.title': '../../etc/passwd' },
  };
  const readme = {
    ...layer,
    mediaType: 'text/markdown',
    annotations: { 'org.opencontainers.image.title': 'README.md' },
  };
  const names = async (...layers: object[]): Promise<string[]> =>
    (await unpackManifest({ schemaVersion: 2, config, layers })).objects.map((o) => o.name);
  assert.deepEqual(await names(titled), ['program.o']);
  assert.deepEqual([titled, typed, readme].map(layerKind), ['object', 'object', 'readme']);
  assert.deepEqual(await names(readme, titled, typed), ['program.o', 'program-1.o']);
  await assert.rejects(names(titled, titled), code('SKEP_IMAGE_INVALID'));
  const text = await store.putBlob(Buffer.from('text'), titled.mediaType);
  await assert.rejects(
    names({ ...titled, ...text }),
    (e) => code('SKEP_IMAGE_INVALID')(e) && /hand:1.*program\.o is no probe/.test((e as Error).message),
  );
  await assert.rejects(
    names(readme),
    (e) => code('SKEP_IMAGE_UNSUPPORTED')(e) && /text\/markdown/.test((e as Error).message),
  );
  const gadget = { ...layer, mediaType: 'application/vnd.gadget.ebpf.program.v1+binary' };
  assert.deepEqual(
    await names(gadget),
    ['program.o'],
    "test/foreign.test.ts of the cli has more of Inspektor Gadget's",
  );
});

test('a blob of other content than its digest says is one error', async () => {
  const stored = await packImage(store, 'broken:1', image);
  const path = store.blobPath(stored.manifest.layers[0]!.digest);
  const good = readFileSync(path);
  writeFileSync(path, Buffer.from(good).fill(0, 100, 101));
  try {
    await assert.rejects(unpackImage(store, stored), code('SKEP_STORE_CORRUPT'));
  } finally {
    writeFileSync(path, good);
  }
});

test('any change of a manifest unpacks, or is one of our errors', async () => {
  const stored = await packImage(store, 'fuzz:1', image);
  const text = JSON.stringify(stored.manifest);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.nat(12),
      fc.string({ maxLength: 6 }),
      async (at, cut, put) => {
        const changed = text.slice(0, at) + put + text.slice(at + cut);
        try {
          await store.putImage('fuzz:2', Buffer.from(changed), MEDIA_TYPE.manifest);
          const found = await store.resolve('fuzz:2');
          assert.ok(found);
          await unpackImage(store, found);
        } catch (e) {
          assert.ok(
            (e instanceof OciError || e instanceof ProbeError) && e.hint.length > 0,
            String((e as Error).stack),
          );
        }
      },
    ),
    { numRuns: 150 },
  );
});
