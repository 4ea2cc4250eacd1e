import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Sandbox } from './harness.ts';
import { source } from './objects.ts';

const METADATA = `name: calls
version: 1.10
description: counts calls
authors: [A. Author, B. Author]
license: GPL-2.0 OR BSD-2-Clause
source: https://example.com/calls
sources: [calls.c, more/other.bpf.c]
`;

const box = new Sandbox();
before(() => {
  mkdirSync(box.path('p/more'), { recursive: true });
  writeFileSync(box.path('p/calls.c'), source);
  writeFileSync(box.path('p/more/other.bpf.c'), source.replaceAll('on_enter', 'other'));
  writeFileSync(box.path('p/skep.yaml'), METADATA);
});
after(() => box[Symbol.dispose]());

test('build FOLDER: what skep.yaml lists, under its name and version or another', async () => {
  assert.match(await box.ok(['build', 'p']), /^calls:1\.10: digest: sha256:/);
  assert.match(await box.ok(['list', 'calls', '--format', '{{.Programs}}']), /on_enter,other/);
  const first = await box.ok(['build', '-q', 'p', 'me/own:3']);
  assert.equal(await box.ok(['build', '-q', '.', 'own:4'], { cwd: box.path('p') }), first);
  assert.equal(await box.ok(['build', '-q', '-t', 'me/own:5', 'p']), first);
  // Of that name there is a folder.
  assert.match(await box.ok(['build', '--tag', 'p', 'p/calls.c']), /^p:latest: digest: sha256:/);
  await box.fails(2, /there is no "own:6"/, ['build', '-t', 'own:7', 'p/calls.c', 'own:6']);
  assert.equal(await box.ok(['build', '--binary-only', 'p']), 'p/calls.o\np/more/other.bpf.o\n');
});

test('one build for two architectures: an index that other tools copy as it is, and verbs that know its parts', async () => {
  const types = ['--vmlinux', '/sys/kernel/btf/vmlinux'];
  const both = ['--platform', 'linux/arm64,linux/amd64', ...types];
  await box.ok(['build', 'p/calls.c', 'both:1', ...both, '--authors', 'A <a@example.com> & b']);
  const [{ Digest, Index, Platforms }] = JSON.parse(await box.ok(['inspect', 'both:1']));
  assert.deepEqual(
    Platforms.map((p: { Platform: string; Here: boolean }) => [p.Platform, p.Here]),
    [
      ['linux/amd64', true],
      ['linux/arm64', true],
    ],
  );
  assert.match(await box.ok(['list', 'both', '--format', '{{.Platform}}']), /^linux\/amd64,linux\/arm64$/m);
  const arm = ['describe', '--platform', 'linux/arm64', 'both:1'];
  assert.match(await box.ok(arm), /^Platform: +linux\/arm64, linux\/amd64$/m);
  await box.fails(2, /both:1 has nothing for linux\/s390x/, [
    'describe',
    '--platform',
    'linux/s390x',
    'both:1',
  ]);
  execFileSync('skopeo', [
    'copy',
    '-q',
    '--all',
    `oci:${box.path('store')}:both:1`,
    `dir:${box.path('copy')}`,
  ]);
  const copied = createHash('sha256')
    .update(readFileSync(box.path('copy/manifest.json')))
    .digest('hex');
  assert.equal(`sha256:${copied}`, Digest, 'signatures still fit');
  assert.equal(Index.manifests.length, 2);
  await box.ok(['save', '-o', 'both.tar', 'both:1']);
  await box.ok(['rm', 'both:1']);
  await box.ok(['load', '-i', 'both.tar']);
  assert.equal(await box.ok(['inspect', '--format', '{{.Digest}}', 'both:1']), `${Digest}\n`);
  await box.fails(2, /for one platform/, ['build', 'p/calls.c', ...both]);
  await box.fails(2, /--vmlinux is given 2 times/, ['build', 'p/calls.c', 'x:1', ...types, ...types]);
});

test('what skep.yaml says is in the manifest and shown; flags win; bee keeps what it knows', async () => {
  await box.ok(['build', 'p/calls.c', 'one:1', '--description', 'other words']);
  const text = await box.ok(['describe', 'one:1']);
  assert.match(text, /^Probe: +calls 1\.10$/m);
  assert.match(text, /^Description: +other words$/m);
  assert.match(text, /^Authors: +A\. Author, B\. Author$/m);
  assert.match(text, /^Source: +https:\/\/example\.com\/calls, GPL-2\.0 OR BSD-2-Clause$/m);
  const said = '{{.Title}} {{.Version}} {{.Licenses}} {{.Source}}';
  assert.equal(
    await box.ok(['inspect', '--format', said, 'one:1']),
    'calls 1.10 GPL-2.0 OR BSD-2-Clause https://example.com/calls\n',
  );
  await box.ok(['build', '--format', 'bee', 'p/calls.c', 'bee:1']);
  assert.equal(await box.ok(['inspect', '--format', said, 'bee:1']), '   \n');
  assert.match(await box.ok(['inspect', '--format', '{{.Description}}', 'bee:1']), /^counts calls$/m);
});

test('what else the folder has travels along, and its sources build the same image in another home', async () => {
  const extras = 'readme: README.md\ndashboards: [grafana.json]\nrules: [alerts.yaml]\nembed_sources: true\n';
  mkdirSync(box.path('x/inc'), { recursive: true });
  writeFileSync(box.path('x/skep.yaml'), `name: extras\nversion: 1\nsources: [calls.c]\n${extras}`);
  writeFileSync(box.path('x/calls.c'), `#include "inc/more.h"\n${source}`);
  writeFileSync(box.path('x/inc/more.h'), '/* nothing more */\n');
  writeFileSync(box.path('x/README.md'), '# Calls\n');
  writeFileSync(box.path('x/grafana.json'), '{"panels": [1]}');
  writeFileSync(box.path('x/alerts.yaml'), 'groups: [{name: a, rules: []}]\n');
  const dated = { SOURCE_DATE_EPOCH: '1700000000' };
  const digest = await box.ok(['build', '-q', 'x'], { env: dated });
  const layers = '{{range .Layers}}{{.Kind}} {{.Title}}{{println}}{{end}}';
  assert.equal(
    await box.ok(['inspect', '--format', layers, 'extras:1']),
    'object calls.o\nsource source.tar\nreadme README.md\ndashboard grafana.json\nrules alerts.yaml\n\n',
  );
  const made = ['README.md', 'alerts.yaml', 'calls.c', 'grafana.json', 'inc/more.h', 'skep.yaml'];
  assert.equal(await box.ok(['init', '--from', 'extras:1']), made.map((name) => `extras/${name}\n`).join(''));
  for (const name of made)
    assert.deepEqual(readFileSync(box.path('extras', name)), readFileSync(box.path('x', name)));
  await box.fails(2, /extras is there and not empty/, ['init', '--from', 'extras:1']);
  await box.fails(2, /\/proc\/x: no folder can be in \/proc/, ['init', '--from', 'extras:1', '/proc/x']);
  mkdirSync(box.path('other/home'), { recursive: true });
  const elsewhere = { cwd: box.path('other'), env: { ...dated, HOME: box.path('other/home') } };
  await box.ok(['init', '--from', 'extras:1', 'again'], elsewhere);
  assert.equal(await box.ok(['build', '-q', 'again', 'again:1'], elsewhere), digest, 'reproducible');
  await box.fails(3, /calls:1\.10 carries no sources\n {2}They are at https:\/\/example/, [
    'init',
    '--from',
    'calls:1.10',
    'y',
  ]);
  writeFileSync(box.path('x/grafana.json'), '{}');
  await box.fails(7, /grafana\.json is no Grafana dashboard/, ['build', 'x']);
  writeFileSync(box.path('x/calls.c'), `#include "../p/calls.c"`);
  await box.fails(3, /p\/calls\.c lies outside .*x,/, ['build', 'x']);
});

test('a wrong skep.yaml is said with its line, and nothing is built', async () => {
  mkdirSync(box.path('q'));
  writeFileSync(box.path('q/calls.c'), source);
  const { stderr } = await box.fails(2, /the folder q has no skep\.yaml/, ['build', 'q']);
  assert.match(stderr, /skep build q\/probe\.c/);
  writeFileSync(box.path('q/skep.yaml'), 'name: q\n');
  await box.fails(2, /q\/skep\.yaml has no "sources"/, ['build', 'q', 'q:1']);
  writeFileSync(box.path('q/skep.yaml'), 'name: q\nlicence: MIT\n');
  await box.fails(7, /q\/skep\.yaml:2: "licence" is no key/, ['build', 'q/calls.c', 'q:1']);
  writeFileSync(box.path('q/skep.yaml'), 'name: q\nsources: [gone.c]\n');
  await box.fails(3, /gone\.c/, ['build', 'q']);
  await box.fails(2, /one word too many/, ['build', 'q', 'a:1', 'b:1']);
  assert.equal(await box.ok(['list', 'q', '-q']), '');
});
