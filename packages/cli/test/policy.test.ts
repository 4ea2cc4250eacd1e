import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { IMAGES, readImage } from '@skep/agent';
import { allowedProbes } from '../src/agent/probes.ts';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';
import { realRegistry } from './real-registry.ts';

const box = new Sandbox();
const isRoot = process.getuid?.() === 0;
const needsRoot = { skip: isRoot ? false : 'loading BPF needs root' };
const password = { COSIGN_PASSWORD: '' };

interface Entry {
  digest: string;
  size: number;
  annotations: Record<string, string>;
}

/** Changes index.json by hand. */
function editIndex(edit: (entries: Entry[]) => void): void {
  const path = box.path('store/index.json');
  const index = JSON.parse(readFileSync(path, 'utf8'));
  edit(index.manifests);
  writeFileSync(path, JSON.stringify(index));
}

/** As if it had been pulled. */
function fromElsewhere(): void {
  editIndex((entries) => {
    for (const e of entries) delete e.annotations['dev.skep.built'];
  });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const blob = (digest: string) => box.path('store/blobs', digest.replace(':', '/'));
const run = ['--set', `target_pid=${process.pid}`, '--timeout', '200ms', '--no-prom', '--pull', 'never'];
const under = (policy: string) => {
  writeFileSync(box.path('policy.yaml'), policy);
  return { env: { SKEP_POLICY: box.path('policy.yaml') } };
};
const signed = 'signers: { team: cosign.pub }\nrules: [{ images: "calls*", signers: team }]\n';

before(async () => {
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['sign', '--generate-key-pair'], { env: password });
  await box.ok(['sign', '--generate-key-pair', '--output-key-prefix', 'other'], { env: password });
});
after(() => box[Symbol.dispose]());

test('an image from elsewhere needs a signature once a policy names a signer', needsRoot, async () => {
  await box.ok(['build', 'calls.c', 'calls:1']);
  const here = await box.skep(['run', 'calls:1', ...run]);
  assert.equal(here.code, 0, here.stderr);
  assert.doesNotMatch(here.stderr, /not built here/);
  await box.ok(['run', 'calls:1', ...run], under(signed));
  fromElsewhere();
  const warned = await box.skep(['run', 'calls:1', ...run]);
  assert.equal(warned.code, 0, warned.stderr);
  assert.match(warned.stderr, /^calls:1 was not built here, and no policy/);
  const refused = await box.fails(
    9,
    /calls:1 was not built here and is not signed by team/,
    ['run', 'calls:1', ...run],
    under(signed),
  );
  assert.doesNotMatch(refused.stderr, /events|probe/, 'nothing ran');
  // A rule that names nobody: the policy names somebody all the same.
  const elsewhere = signed.replace('calls*', 'ghcr.io/*');
  await box.fails(9, /not signed by team/, ['run', 'calls:1', ...run], under(elsewhere));
  const unused = signed.replace('signers: team', 'observe-only: true');
  await box.fails(9, /not signed by team/, ['run', 'calls:1', ...run], under(unused));
  // One that names nobody leaves it at a warning, as no policy does; not of what it pins.
  const [{ Digest: digest }] = JSON.parse(await box.ok(['inspect', 'calls:1']));
  for (const [rule, warning] of [
    ['observe-only: true', /^calls:1 was not built here, and the policy of this machine does not say who/m],
    [`digests: ["${digest}"]`, undefined],
  ] as const) {
    const policy = under(`rules: [{ images: "calls*", ${rule} }]\n`);
    const { code, stderr } = await box.skep(['run', 'calls:1', ...run], policy);
    assert.equal(code, 0, stderr);
    if (warning) assert.match(stderr, warning);
    else assert.doesNotMatch(stderr, /not built here/);
  }
  await box.ok(['sign', '--key', 'other.key', 'calls:1'], { env: password });
  await box.fails(9, /not signed by team/, ['run', 'calls:1', ...run], under(signed));
  await box.ok(['sign', '--key', 'cosign.key', 'calls:1'], { env: password });
  await box.ok(['run', 'calls:1', ...run], under(signed));
});

test('a signer whose key cannot be read is said with its line', async () => {
  await box.ok(['build', 'calls.c', 'calls:1']);
  for (const [said, why] of [
    ['absent.pub', /policy.*:2: the signer team: .*absent\.pub: no such file/],
    ['cosign.key', /policy.*:2: the signer team: team is a private key/],
    ['{ identity: a, issuer: b, trusted-root: absent.json }', /policy.*:2: the signer team: .*absent\.json/],
  ] as const) {
    const policy = under(`signers:\n  team: ${said}\nrules:\n  - images: "*"\n    signers: team\n`);
    await box.fails(7, why, ['run', 'calls:1', ...run], policy);
  }
});

test('signatures that the store lacks come from the registry', needsRoot, async () => {
  await using registry = await realRegistry(box);
  const name = `${registry.host}/me/calls:1`;
  await box.ok(['build', 'calls.c', name, '--description', 'of its own digest']);
  await box.ok(['push', name]);
  await box.ok(['sign', '--key', 'cosign.key', '--registry', '--format', 'tag', name], { env: password });
  await box.ok(['rm', name]);
  await box.ok(['pull', name]);
  const policy = under(signed.replace('calls*', `${registry.host}/me/*`));
  await box.fails(9, /is not signed by team/, ['run', name, ...run], policy);
  await box.ok(['run', name, ...run.slice(0, -2)], policy);
  await box.ok(['run', name, ...run], policy);
});

test('what was changed in the store never reaches the kernel', needsRoot, async () => {
  await box.ok(['build', 'calls.c', 'calls:2']);
  await box.ok(['sign', '--key', 'cosign.key', 'calls:2'], { env: password });
  const [stored] = JSON.parse(await box.ok(['inspect', 'calls:2']));
  const layer: string = stored.Manifest.layers[0].digest;
  const original = readFileSync(blob(layer));
  const changed = Buffer.from(original);
  changed[changed.indexOf('Dual BSD/GPL')] = 0x64;

  writeFileSync(blob(layer), changed);
  for (const options of [{}, under(signed)]) {
    const { stderr } = await box.fails(7, /sha256:/, ['run', 'calls:2', ...run], options);
    assert.doesNotMatch(stderr, /events|probe/, 'nothing ran');
  }
  writeFileSync(blob(layer), original);

  // All digests made to fit, and the mark of what was built here and the signatures kept.
  const digestOf = (bytes: Uint8Array) => `sha256:${sha256(bytes)}`;
  const put = (bytes: Buffer) => {
    const digest = digestOf(bytes);
    writeFileSync(blob(digest), bytes);
    return digest;
  };
  editIndex((entries) => {
    const entry = entries.find((e) => e.annotations['org.opencontainers.image.ref.name'] === 'calls:2')!;
    const before = entry.digest;
    const index = JSON.parse(readFileSync(blob(before), 'utf8'));
    const [listed] = index.manifests;
    const manifest = JSON.parse(readFileSync(blob(listed.digest), 'utf8'));
    const config = readFileSync(blob(manifest.config.digest), 'utf8').replace(layer, digestOf(changed));
    manifest.layers[0].digest = put(changed);
    manifest.config.digest = put(Buffer.from(config));
    listed.digest = put(Buffer.from(JSON.stringify(manifest)));
    entry.digest = put(Buffer.from(JSON.stringify(index)));
    for (const e of entries)
      if (e.annotations['dev.skep.subject'] === before) e.annotations['dev.skep.subject'] = entry.digest;
  });
  await box.fails(
    9,
    /calls:2 was not built here and is not signed by team/,
    ['run', 'calls:2', ...run],
    under(signed),
  );
  const { stderr } = await box.skep(['run', 'calls:2', ...run]);
  assert.match(stderr, /calls:2: .* events/, 'and without a policy it would have run');
});

test('rules on digests and code hold for images and files', needsRoot, async () => {
  const modifying = source.replace('__u64 one = 1,', 'bpf_send_signal(0);\n\t__u64 one = 1,');
  writeFileSync(box.path('kills.c'), modifying);
  await box.ok(['build', 'kills.c', 'kills:1']);
  await box.ok(['build', 'calls.c', 'calls:3']);
  const digest = JSON.parse(await box.ok(['inspect', 'calls:3']))[0].Digest;
  const rule = (text: string) => under(`rules:\n  - images: "*"\n    ${text}\n`);
  const refusals: [string, string, RegExp][] = [
    ['refuse: true', 'calls:3', /refuses calls:3: it may not run here/],
    [`digests: sha256:${'0'.repeat(64)}`, 'calls:3', /its digest is not among those/],
    ['program-types: [kprobe]', 'calls:3', /its program on_enter is of the kind raw_tp/],
    ['helpers: [bpf_ktime_get_ns]', 'calls:3', /its program on_enter calls bpf_\w+\(\)/],
    ['refuse-helpers: bpf_send_signal', 'kills:1', /calls bpf_send_signal\(\)/],
    ['observe-only: true', './kills.c', /may do more than look: it calls bpf_send_signal\(\)/],
  ];
  for (const [text, program, message] of refusals) {
    const args = ['run', program, ...run, '--allow-modify'];
    const { stderr } = await box.fails(9, message, args, rule(text));
    assert.match(stderr, /The rule is .*policy\.yaml:2\./);
  }
  await box.ok(
    ['run', 'calls:3', ...run],
    rule(`digests: ${digest}\n    observe-only: true\n    program-types: raw_tp`),
  );
  await box.fails(
    7,
    /policy\.yaml:3: "observe_only" is no key here/,
    ['run', 'calls:3', ...run],
    rule('observe_only: true'),
  );
  await box.fails(3, /no\.yaml/, ['run', 'calls:3', ...run], { env: { SKEP_POLICY: box.path('no.yaml') } });
  // To be tried is to be loaded.
  await box.fails(9, /refuses calls:3: it may not run here/, ['check', 'calls:3'], rule('refuse: true'));
  await box.ok(['check', 'calls:3', '--no-load', '--kernel', '6.1'], rule('refuse: true'));
  // A file has no digest of an image: its object's counts.
  const object: string = JSON.parse(await box.ok(['inspect', 'calls:3']))[0].Manifest.layers[0].digest;
  writeFileSync(box.path('calls.o'), readFileSync(blob(object)));
  await box.ok(['check', './calls.o'], rule(`digests: ${object}`));
  await box.fails(9, /its digest is not among/, ['check', './calls.o'], rule(`digests: ${digest}`));
});

test('a policy that cannot be looked at is not gone past', needsRoot, async () => {
  await box.ok(['build', 'calls.c', '-o', 'own.o']);
  // The place of the machine's own file is not to be chosen: so in a /etc of its own.
  const shell = 'mount -t tmpfs own /etc && ln -s skep /etc/skep && exec "$0" "$@"';
  const words = [process.execPath, main, 'run', './own.o', ...run];
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', shell, ...words], {
    cwd: box.dir,
    env: { ...box.env, SKEP_POLICY: undefined },
    encoding: 'utf8',
  });
  assert.equal(status, 3, stderr);
  assert.match(stderr, /^skep: \/etc\/skep\/policy\.yaml: too many symbolic links\n/m);
});

test("the agent's own probes are held against the policy, by their names", {
  timeout: 240_000,
}, async (t) => {
  const before = process.env.SKEP_POLICY;
  t.after(() => {
    if (before === undefined) delete process.env.SKEP_POLICY;
    else process.env.SKEP_POLICY = before;
  });
  const probes = async (rule: string) => {
    process.env.SKEP_POLICY = under(rule).env.SKEP_POLICY;
    return (await allowedProbes()).map(({ name }) => name);
  };
  const both = ['http-red.o', 'processes.o'];
  const digests = IMAGES.map((name) => `sha256:${sha256(readImage(name).bytes)}`);
  for (const rule of [
    'signers: { team: cosign.pub }\nrules: [{ images: "*", signers: team, observe-only: true }]',
    'rules: [{ images: http-*, refuse-helpers: bpf_probe_write_user }, { images: other, refuse: true }]',
    `rules: [{ images: "*", digests: [${digests}] }]`,
  ])
    assert.deepEqual(await probes(rule), both, rule);
  for (const [rule, why] of [
    ['rules: [{ images: processes, refuse: true }]', /refuses processes: it may not run here/],
    [`rules: [{ images: "*", digests: [${digests[0]}] }]`, /refuses processes: its digest is not among/],
    [
      'rules: [{ images: "http*", program-types: [kprobe] }]',
      /refuses http-red: its program \w+ is of the kind/,
    ],
    [
      'rules: [{ images: "*", refuse-helpers: bpf_get_current_pid_tgid }]',
      /refuses http-red: its program \w+ calls/,
    ],
    ['rules: [{ images: "*", refuses: true }]', /"refuses" is no key here/],
  ] as const)
    await assert.rejects(probes(rule), why, rule);
  if (isRoot)
    await box.fails(
      9,
      /refuses http-red: it may not run here.*\n.*policy\.yaml:1/,
      ['agent', '--no-tty'],
      under('rules: [{ images: http-red, refuse: true }]\n'),
    );
});
