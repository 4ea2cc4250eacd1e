import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Sandbox } from './harness.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

const SOURCE = `#include "skep.h"
SKEP_HASH(counter_packets, __u32, __u64, 4);
SEC("xdp") int count(struct xdp_md *ctx) { __u32 key = 0; skep_add(&counter_packets, &key, 1); return XDP_PASS; }
SEC("?xdp") int drop(struct xdp_md *ctx) { return XDP_DROP; }
char LICENSE[] SEC("license") = "GPL";
`;

test('an image says where its programs go, help and describe show it, and flags are checked before loading', {
  skip,
}, async () => {
  using box = new Sandbox();
  writeFileSync(box.path('packets.c'), SOURCE);
  const about = (attach: string) =>
    writeFileSync(box.path('skep.yaml'), `name: packets\nversion: "1"\nsources: [packets.c]\n${attach}\n`);
  about('attach: [nothing=eth0]');
  await box.fails(2, /there is no program "nothing"\n {2}Programs: count \(xdp\), drop \(xdp\)/, [
    'build',
    '.',
  ]);
  about('attach: [count=nosuch0]');
  await box.ok(['build', '.']);
  assert.match(await box.ok(['describe', 'packets:1']), /^Attach: +count=nosuch0$/m);
  assert.match(
    await box.ok(['run', 'packets:1', '--help']),
    /count=INTERFACE\[,netns=…\].*unless said, count=nosuch0/,
  );
  const run = (...flags: string[]) => ['run', 'packets:1', '--no-prom', ...flags];
  await box.fails(5, /"count" cannot be attached: there is no network interface "nosuch0"/, run());
  await box.fails(2, /"count" is not PROG=TARGET/, run('--attach', 'count'));
  await box.fails(2, /no target of a xdp program|is no target/, run('--attach', 'count=,netns=x'));
  await box.fails(
    2,
    /"drop" \(xdp\) may do more than look: it can return 1 \(XDP_DROP\)[\s\S]*--allow-modify/,
    run('--attach', 'drop=lo'),
  );
  about('');
  await box.ok(['build', '.']);
  await box.fails(
    2,
    /its section "xdp" does not say where\n {2}Say it with --attach count=eth0 \(INTERFACE/,
    run(),
  );
});
