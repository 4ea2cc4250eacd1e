import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { release } from 'node:os';
import { afterEach, before, test } from 'node:test';
import { fixture } from '../../../../test/support/fixtures.ts';
import { Netns } from '../../../../test/support/netns.ts';
import { until } from '../../../../test/support/until.ts';
import { type Run, type RunRequest, startRun } from '../../src/index.ts';
import { rowsOf } from '../support/sinks.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
const [major, minor] = release().split('.').map(Number) as [number, number];
const tcx = major > 6 || (major === 6 && minor >= 6);

// A guest's kernel does not fetch modules by itself.
before(() => {
  if (!process.env.SKEP_GUEST || tcx) return;
  for (const module of ['sch_ingress', 'cls_bpf']) execFileSync('modprobe', [module]);
});

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function run(file: string, more: Partial<RunRequest>): Promise<Run> {
  const bytes = await fixture(new URL(file, import.meta.url));
  const started = await startRun({
    name: file,
    objects: [{ name: file, bytes }],
    sinks: [],
    intervalMs: 3_600_000,
    ...more,
  });
  ending.push(() => started.stop());
  return started;
}

async function netns(): Promise<Netns> {
  const made = await Netns.make();
  ending.push(() => made[Symbol.dispose]());
  return made;
}

/** What bpftool sees in the namespace: names of the programs on its interfaces. */
function onInterfaces(net: Netns): string {
  return net.run('bpftool', 'net', 'show');
}

/** Links that this process holds, of programs of a name: other tests of this machine may have some of that name too. */
function linksOf(name: string): number {
  const programs = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' })) as {
    id: number;
    name?: string;
  }[];
  const ids = new Set(programs.filter((p) => p.name === name).map((p) => String(p.id)));
  const ofLink = /^link_id:[\s\S]*^prog_id:\t(\d+)$/m;
  return readdirSync('/proc/self/fdinfo').filter((fd) => ids.has(ofLink.exec(fdInfo(fd))?.[1] ?? '')).length;
}

/** Empty for the descriptor by which the list itself was read. */
function fdInfo(fd: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  } catch {
    return '';
  }
}

test('xdp, tc, socket filter and sk_lookup programs count what passes their namespace, and are gone after', {
  skip,
}, async () => {
  const net = await netns();
  const lo = `lo,netns=${net.pid}`;
  const attach = [`at_xdp=${lo}`, `at_tc=${lo}`, `at_socket=${lo}`, `at_lookup=${net.pid}`];
  const started = await run('./net.bpf.c', { attach });
  assert.match(onInterfaces(net), /xdp:\nlo\(1\)/);
  assert.equal(linksOf('at_lookup'), 1);
  await net.do('udp 100');
  const rows = await rowsOf(started, 'counter_packets');
  assert.equal(rows.get('0'), '100', 'xdp');
  assert.equal(rows.get('1'), '100', 'tc ingress');
  // A packet socket sees what goes out and what comes in.
  assert.equal(rows.get('2'), '200', 'socket filter');
  assert.equal(rows.get('3'), '100', 'sk_lookup');
  await started.stop();
  assert.doesNotMatch(onInterfaces(net), /at_|lo\(/);
  assert.doesNotMatch(net.run('ip', 'link', 'show', 'lo'), /xdp/);
});

test('a tc program on both sides of an interface, and no qdisc is left', { skip }, async () => {
  const net = await netns();
  const lo = `lo,netns=${net.pid}`;
  const attach = [
    `at_xdp=${lo}`,
    `at_tc=${lo},ingress`,
    `at_tc=${lo},egress`,
    `at_socket=${lo}`,
    `at_lookup=${net.pid}`,
  ];
  const started = await run('./net.bpf.c', { attach });
  await net.do('udp 50');
  assert.equal((await rowsOf(started, 'counter_packets')).get('1'), '100');
  // This bpftool does not know tcx by name, but lists its links.
  if (tcx) assert.equal(linksOf('at_tc'), 2);
  else assert.match(onInterfaces(net), /clsact\/ingress at_tc[\s\S]*clsact\/egress at_tc/);
  await started.stop();
  assert.equal(linksOf('at_tc'), 0);
  assert.doesNotMatch(onInterfaces(net), /at_tc/);
  if (!tcx) assert.doesNotMatch(net.run('tc', 'qdisc', 'show', 'dev', 'lo'), /clsact/);
});

test('the image says where, the flag says otherwise, and a target that is missing is told before loading', {
  skip,
}, async () => {
  const net = await netns();
  const lo = `lo,netns=${net.pid}`;
  const attachDefaults = ['at_xdp=nosuch0', 'at_tc=nosuch0', `at_socket=${lo}`, `at_lookup=${net.pid}`];
  await run('./net.bpf.c', { attachDefaults, attach: [`at_xdp=${lo}`, `at_tc=${lo}`] });
  await assert.rejects(run('./net.bpf.c', { attachDefaults: attachDefaults.slice(1) }), {
    code: 'SKEP_TARGET',
    message: /"at_xdp" cannot be attached: its section "xdp" does not say where/,
    hint: /--attach at_xdp=eth0/,
  });
  await assert.rejects(run('./net.bpf.c', { attachDefaults }), {
    code: 'SKEP_ATTACH',
    message: /no network interface "nosuch0"/,
  });
  await assert.rejects(
    run('./net.bpf.c', { attachDefaults, attach: ['at_xdp=lo,netns=nosuch', `at_tc=${lo}`] }),
    {
      code: 'SKEP_ATTACH',
      message: /the network namespace "nosuch" \(\/run\/netns\/nosuch\) cannot be entered/,
    },
  );
});

test('cgroup programs see one cgroup, by its directory and by its path below the mount', {
  skip: skip || (!mount && 'no cgroup2 is mounted'),
}, async () => {
  const net = await netns();
  const name = `skep_t_targets_${process.pid}`;
  mkdirSync(`${mount}/${name}`);
  ending.push(() => rmdirSync(`${mount}/${name}`));
  const inside = await Netns.make();
  await inside.do(`join ${mount}/${name}`);
  ending.push(() => inside.gone());
  const attach = [`at_egress=${mount}/${name}`, `at_connect=${name}`, `at_sockops=/${name}`];
  const started = await run('./cgroup.bpf.c', { attach });
  await net.do('tcp 5');
  await inside.do('udp 20');
  await inside.do('tcp 3');
  const rows = await rowsOf(started, 'counter_packets');
  assert.equal(rows.get('1'), '3', 'connect4');
  assert.equal(rows.get('2'), '3', 'sockops');
  assert.ok(Number(rows.get('0')) > 20, `egress ${rows.get('0')}`);
});

test('a netfilter program counts what comes in', { skip }, async (t) => {
  const net = await netns();
  const attach = [`at_netfilter=ipv4:input,netns=${net.pid}`];
  let started: Run;
  try {
    started = await run('./netfilter.bpf.c', { attach });
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    assert.equal(code, 'SKEP_UNSUPPORTED', message);
    assert.match(message, /"at_netfilter"/);
    return t.skip(message);
  }
  await net.do('udp 100');
  assert.equal((await rowsOf(started, 'counter_packets')).get('0'), '100');
});

test('a program that may drop is refused with its line, and runs when that is allowed', {
  skip,
}, async () => {
  const net = await netns();
  const attach = [`drops=lo,netns=${net.pid}`];
  await assert.rejects(run('./drop.bpf.c', { attach }), {
    code: 'SKEP_MODIFIES',
    message:
      /"drops" \(xdp\) may do more than look: it can return 1 \(XDP_DROP\), which would drop.*drop\.bpf\.c:\d+: .*XDP_DROP/,
    hint: /--allow-modify/,
  });
  assert.equal(linksOf('drops'), 0);
  const started = await run('./drop.bpf.c', { attach, allowModify: true });
  // Sent and never received: nothing tells when a busy machine (ksoftirqd) has looked at the last one.
  await net.do('lose 10');
  await until(
    async () => (await rowsOf(started, 'counter_packets')).get('0'),
    (n) => n === '10',
  );
});
