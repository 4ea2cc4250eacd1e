import assert, { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Btf, Elf, type KernelFacts, type NoProgram, storedKernel, type Verdict } from '@skep/bpf';
import { misfit, parseArguments } from '../src/hooks/prototype.ts';
import { chooseRung, describeObject, judgeHook, mapsUsed } from '../src/index.ts';
import { build } from './support.ts';

const MAPS = `
SKEP_HASH(start, __u64, __u64, 16);
SKEP_HASH(counter_a, __u32, __u64, 16);
SKEP_HASH(counter_b, __u32, __u64, 16);
static __attribute__((noinline)) int remember(void)
{
	__u64 key = 1;
	bpf_map_update_elem(&start, &key, &key, BPF_ANY);
	return 0;
}
#define A(k) int k(void *ctx) { remember(); bpf_map_lookup_elem(&counter_a, &(__u32){ 0 }); return 0; }
#define B(k) int k(void *ctx) { return bpf_map_lookup_elem(&counter_b, &(__u32){ 0 }) != 0; }
#define N(k) int k(void *ctx) { return 0; }
`;

async function groupsOf(source: string): Promise<string[]> {
  const { hooks } = describeObject(await build(`${MAPS}${source}`), 'probe.o');
  return hooks.map(
    (g) =>
      `${g.name}${g.optional ? '?' : ''}: ${g.rungs.map((r) => `${r.name}(${r.programs.join(' ')})`).join(' > ')}`,
  );
}

for (const [what, source, expected] of [
  [
    'entry and return of several functions that share maps are one group',
    `SEC("kprobe/f") A(k1) SEC("kretprobe/f") A(k2) SEC("kprobe/g") A(k3)
     SEC("fentry/f") A(e1) SEC("fexit/f") A(e2) SEC("fentry/g") A(e3)`,
    ['f: fentry(e1 e2 e3) > kprobe(k1 k2 k3)'],
  ],
  [
    'functions that share no map are groups of their own',
    'SEC("fentry/f") A(e1) SEC("kprobe/f") A(k1) SEC("fentry/g") B(e2) SEC("kprobe/g") B(k2)',
    ['f: fentry(e1) > kprobe(k1)', 'g: fentry(e2) > kprobe(k2)'],
  ],
  [
    'an fexit stands for a kprobe and a kretprobe',
    'SEC("fexit/f") A(e1) SEC("kprobe/f") A(k1) SEC("kretprobe/f") A(k2)',
    ['f: fentry(e1) > kprobe(k1 k2)'],
  ],
  ['an fentry and a kretprobe do half each', 'SEC("fentry/f") A(e1) SEC("kretprobe/f") A(k1)', []],
  [
    'events by name, whatever their category',
    'SEC("tracepoint/sched/x") A(t1) SEC("raw_tp/x") A(r1) SEC("tp_btf/x") A(b1)',
    ['x: tp_btf(b1) > raw_tp(r1) > tracepoint(t1)'],
  ],
  ['no shared map, no twins', 'SEC("tp_btf/x") A(b1) SEC("raw_tp/x") B(r1)', []],
  ['no map at all, no twins', 'SEC("tp_btf/x") N(b1) SEC("raw_tp/x") N(r1)', []],
  ['SEC("?…") is nobody’s twin', 'SEC("tp_btf/x") A(b1) SEC("?raw_tp/x") A(r1)', []],
  [
    'tags: the author’s order, not the kind’s; a program in two rungs',
    `SKEP_RUNG(a, 20, low) SKEP_RUNG(a, 10, high) SEC("kprobe/f") A(both)
     SKEP_RUNG(a, 10, high) SEC("kretprobe/f") A(only)
     SKEP_OPTIONAL SEC("fentry/f") A(alone)`,
    ['a: high(both only) > low(both)', 'alone?: fentry(alone)'],
  ],
] as const) {
  test(what, async () => assert.deepEqual(await groupsOf(source), expected));
}

for (const [what, source] of [
  ['two places', 'SKEP_RUNG(a, 1, x) SEC("kprobe/f") A(p) SKEP_RUNG(a, 2, x) SEC("kprobe/g") A(q)'],
  ['the same place', 'SKEP_RUNG(a, 1, x) SEC("kprobe/f") A(p) SKEP_RUNG(a, 1, y) SEC("kprobe/g") A(q)'],
  ['two groups', 'SKEP_RUNG(a, 1, x) SKEP_RUNG(b, 1, x) SEC("kprobe/f") A(p)'],
  ['no rung', 'SKEP_TAG("rung=a,first,x") SEC("kprobe/f") A(p)'],
  ['"v5.15" is no version', 'SKEP_SINCE(v5.15) SEC("kprobe/f") A(p)'],
] as const) {
  test(`tags that contradict each other are refused: ${what}`, async () => {
    await assert.rejects(groupsOf(source), { code: 'SKEP_OBJECT_INVALID', message: new RegExp(what) });
  });
}

test('the maps of a program are those of the functions it calls too', async () => {
  const elf = Elf.parse(
    await build(`${MAPS} SEC("kprobe/f") A(p) SEC("kprobe/g") B(q) SEC("kprobe/h") N(r)`),
  );
  const used = [...mapsUsed(elf, ['p', 'q', 'r'])].map(([name, maps]) => [name, [...maps].sort()]);
  assert.deepEqual(used, [
    ['p', ['counter_a', 'start']],
    ['q', ['counter_b']],
    ['r', []],
  ]);
});

test('and those of its callbacks, and of functions that call each other within their section', async () => {
  const source = `${MAPS}
static int each(__u32 index, void *data) { return bpf_map_lookup_elem(&counter_b, &index) != 0; }
static __attribute__((noinline)) int twice(void) { return remember() + remember(); }
SEC("kprobe/f") int p(void *ctx) { return bpf_loop(3, each, 0, 0); }
SEC("kprobe/g") int q(void *ctx) { return twice(); }
__u64 sum;
SEC("kprobe/h") int r(void *ctx) { return sum++ > 5; }`;
  const used = mapsUsed(Elf.parse(await build(source)), ['p', 'q', 'r', 'nosuch']);
  assert.deepEqual(
    [...used].map(([name, maps]) => [name, ...maps]),
    [['p', 'counter_b'], ['q', 'start'], ['r', '.bss'], ['nosuch']],
  );
});

const program = (type: string, target: string) => ({ name: 'p', section: '', autoload: true, type, target });
const kernel = (more: Partial<KernelFacts>): KernelFacts => ({
  name: 'a kernel',
  version: [6, 1, 0],
  architecture: 'x86_64',
  ...more,
});
const functions = (
  look: 'traceable' | 'untraceable' | 'absent' | 'unknown',
  variants: string[] = [],
  local = false,
) => ({
  look: () => look,
  variants: () => variants,
  symbol: () => ({ static: local, count: 1 }),
});
const wrapped: KernelFacts['functions'] = {
  ...functions('traceable'),
  look: (name) => (name === '__x64_sys_execve' ? 'traceable' : 'absent'),
};
const there = { hasType: () => true };
const taking = (n: number) => ({ prototype: () => ['int', ...Array(n).fill('int')] });

test('judging: what may sleep or change a result, by how the kernel was built', async () => {
  const btf = Btf.fromElf(Elf.parse(await build(`${MAPS} SEC("kprobe/f") A(p)`)));
  const with_ = { ...there, config: new Map([['CONFIG_FUNCTION_ERROR_INJECTION', 'y']]) };
  const without = { ...there, config: new Map<string, string>() };
  const cases: [string, Partial<KernelFacts>, Verdict['state']][] = [
    ['fentry.s/__x64_sys_nanosleep', with_, 'runs'],
    ['fentry.s/__x64_sys_nanosleep', without, 'refused'],
    ['fentry.s/__x64_sys_nanosleep', { ...without, version: [6, 18, 0] }, 'unknown'],
    ['fentry.s/__x64_sys_nanosleep', { ...without, version: [7, 2, 0] }, 'runs'],
    ['fentry.s/vfs_read', { ...without, version: [7, 2, 0] }, 'refused'],
    ['fentry.s/vfs_read', with_, 'unknown'],
    ['fentry/vfs_read', without, 'runs'],
    ['fmod_ret/security_file_open', without, 'runs'],
    ['fmod_ret/vfs_read', without, 'refused'],
    ['fmod_ret/bpf_fentry_test1', without, 'unknown'],
    ['fentry.s/vfs_read', there, 'unknown'],
    ['fentry.s/__x64_sys_nanosleep', there, 'unknown'],
    ['fentry.s/__x64_sys_nanosleep', { ...there, version: [7, 2, 0] }, 'runs'],
    ['fexit/do_exit', { ...there, version: [6, 18, 0] }, 'refused'],
    ['fentry/do_exit', { ...there, version: [6, 18, 0] }, 'runs'],
  ];
  for (const [section, facts, state] of cases) {
    const [type, target] = section.replace('.s/', '/').split('/') as [string, string];
    const verdict = judgeHook({ ...program(type, target), section }, kernel(facts), btf);
    strictEqual(verdict.state, state, `${section}: ${JSON.stringify(verdict)}`);
  }
  const other = { ...functions('traceable'), alias: () => 'other' };
  const verdict = judgeHook(program('fentry', 'f'), kernel({ hasType: () => false, functions: other }), btf);
  strictEqual(verdict.state, 'refused');
  strictEqual(judgeHook(program('kprobe', 'f'), kernel({ functions: other }), btf).state, 'runs');
});

test('judging: refused only what is known, unknown what is not', async () => {
  const btf = Btf.fromElf(Elf.parse(await build(`${MAPS} SEC("kprobe/f") A(p)`)));
  const cases: [string, Partial<KernelFacts>, Verdict['state'], RegExp?][] = [
    ['fentry/f', {}, 'unknown'],
    ['fentry/f', { hooks: { fentry: false } }, 'refused', /no BPF trampolines/],
    ['fentry/f', { ...there }, 'runs'],
    ['fentry/f', { ...there, functions: functions('traceable') }, 'runs'],
    ['fentry/f', { ...there, functions: functions('traceable', [], true) }, 'runs', /static/],
    ['fentry/f', { ...there, functions: functions('untraceable') }, 'refused', /must not be traced/],
    ['fentry/f', { ...there, functions: functions('absent', ['f.isra.0']) }, 'refused', /only as f\.isra\.0/],
    ['fentry/f', { hasType: () => false }, 'unknown', /module/],
    ['fentry/f', { ...there, ...taking(6) }, 'runs'],
    ['fentry/f', { ...there, ...taking(7) }, 'refused', /f takes 7 arguments here, and .* carry 6/],
    ['fexit/f', { ...there, ...taking(7), version: [6, 6, 0] }, 'runs'],
    ['fmod_ret/f', { ...there, ...taking(13), version: [7, 2, 0] }, 'refused', /carry 12/],
    ['fentry/f', { ...there, ...taking(8), architecture: 'arm64', version: [6, 12, 0] }, 'runs'],
    [
      'fentry/f',
      { ...there, ...taking(9), architecture: 'arm64', version: [6, 12, 0] },
      'refused',
      /carry 8/,
    ],
    ['fentry/f', { ...there, ...taking(9), version: [0, 0, 0] }, 'runs'],
    ['kprobe/f', { ...there, ...taking(7) }, 'runs'],
    ['kprobe/f', {}, 'runs'],
    ['kprobe/f', { hooks: { kprobe: false } }, 'refused', /no kprobes/],
    ['kprobe/f+4', { functions: functions('absent') }, 'refused', /no function f/],
    [
      'kprobe/sys_execve',
      { functions: wrapped },
      'runs',
      /sys_execve is __x64_sys_execve here.*ksyscall\/execve/,
    ],
    [
      'kprobe/sys_execve',
      { functions: { ...wrapped, look: (name) => (name.startsWith('__arm64') ? 'untraceable' : 'absent') } },
      'refused',
      /no function sys_execve/,
    ],
    ['kretprobe/sys_execve', { functions: functions('absent') }, 'refused', /no function sys_execve/],
    ['kprobe', { functions: functions('absent') }, 'unknown', /the section names no function$/],
    ['ksyscall', { functions: functions('absent') }, 'unknown', /names no system call$/],
    ['lsm', {}, 'unknown', /names no LSM hook$/],
    ['kprobe/f', { functions: functions('untraceable') }, 'unknown'],
    ['kprobe/f', { functions: functions('untraceable'), config: new Map() }, 'refused'],
    ['tp_btf/e', { hasType: () => false }, 'unknown'],
    [
      'tp_btf/e',
      { hasType: () => false, tracepoints: { has: () => false, hasName: () => false } },
      'refused',
    ],
    ['tp_btf/e', there, 'runs'],
    ['raw_tp/e', { tracepoints: { has: () => true, hasName: () => true } }, 'runs'],
    ['tracepoint/c/e', {}, 'unknown'],
    [
      'tracepoint/c/e',
      { tracepoints: { has: () => false, hasName: () => true } },
      'refused',
      /no tracepoint c\/e/,
    ],
    ['xdp', {}, 'runs'],
  ];
  for (const [section, facts, state, text] of cases) {
    const [, type, target] = /^([^/]*)\/?(.*)$/.exec(section)!;
    const verdict = judgeHook(program(type!, target!), kernel(facts), btf);
    assert.equal(verdict.state, state, `${section} ${JSON.stringify(facts)}`);
    if (text) assert.match((verdict.state === 'runs' ? verdict.note : verdict.reason) ?? '', text);
  }
});

test('judging: patterns, system calls, functions of files, and kinds that came later', async () => {
  const btf = Btf.fromElf(Elf.parse(await build(`${MAPS} SEC("kprobe/f") A(p)`)));
  const nothing: Record<string, NoProgram> = {
    '/bin/gone': 'absent',
    '/bin': 'no program',
    '/bin/secret': 'unreadable',
  };
  const files = {
    userFunctions: (path: string) => nothing[path] ?? ['main', 'sort@@V2'],
    usdtProbes: (path: string) => nothing[path] ?? { names: ['app:begin'], damaged: path === '/bin/damaged' },
  };
  const older = storedKernel('5.10')!;
  const kept = storedKernel('6.1')!;
  const newer = storedKernel('7.2')!;
  const cases: [string, KernelFacts, Verdict['state'], RegExp?][] = [
    ['kprobe.multi/vfs_rea*', newer, 'runs'],
    ['kprobe.multi/skep_no_such_*', newer, 'refused', /no function .* is called skep_no_such_\*/],
    ['kretprobe.multi/vfs_rea?', newer, 'runs'],
    ['kretprobe.multi/vfs_read', newer, 'runs'],
    ['kprobe.multi/skep_no_such', newer, 'refused', /no function skep_no_such/],
    ['kprobe.multi/vfs_*', older, 'refused', /no kprobe\.multi/],
    ['kprobe.multi/vfs_*', kernel({}), 'unknown'],
    ['kprobe.session/vfs_*', kept, 'refused', /no kprobe\.multi/],
    ['kprobe.session/vfs_*', newer, 'runs'],
    ['kprobe', newer, 'unknown', /names no function/],
    ['fexit', newer, 'unknown', /names no function/],
    ['lsm', kernel({}), 'unknown', /names no LSM hook/],
    ['uprobe.session//bin/app:m*', storedKernel('6.12')!, 'refused', /attaches no uprobe\.session/],
    ['uprobe.session//bin/app:m*', kernel(files), 'runs'],
    ['uprobe.session//bin/app:no*', kernel(files), 'refused', /has no function no\*/],
    ['fsession/vfs_read', storedKernel('6.12')!, 'refused', /attaches no fsession/],
    ['fsession/vfs_read', newer, 'runs'],
    ['fsession/skep_no_such', newer, 'refused', /skep_no_such/],
    ['ksyscall/nanosleep', kept, 'runs'],
    ['kretsyscall/skep_no_such', kept, 'refused', /no system call skep_no_such/],
    ['ksyscall/nanosleep', kernel({ hooks: { kprobe: false } }), 'refused', /no kprobes/],
    ['uprobe.multi//bin/app:m*', kernel(files), 'runs'],
    ['uprobe.multi//bin/app:m*', kept, 'refused', /attaches no uprobe\.multi/],
    ['uprobe.multi//bin/app:no*', kernel(files), 'refused', /\/bin\/app has no function no\*/],
    ['usdt//bin/app:app:begin', kernel(files), 'runs'],
    ['usdt//bin/app:app:end', kernel(files), 'refused', /\/bin\/app has no USDT probe app:end/],
    ['usdt//bin/gone:app:begin', kernel(files), 'refused', /no file \/bin\/gone/],
    ['usdt//bin:app:begin', kernel(files), 'refused', /\/bin is no program/],
    ['usdt//bin/damaged:app:begin', kernel(files), 'runs'],
    ['usdt//bin/damaged:app:end', kernel(files), 'refused', /no USDT probe app:end before .* damaged/],
    ['usdt//bin/app:app:end', kept, 'runs'],
    ['usdt', kernel(files), 'runs'],
    ['uprobe//bin/app:main+0', kernel(files), 'runs'],
    ['uprobe//bin/app:main+4', kernel(files), 'unknown', /an instruction begins at/],
    ['uprobe//bin/app:sort', kernel(files), 'runs'],
    ['uretprobe//bin/app:other', kernel(files), 'refused', /no function other/],
    ['uprobe//bin/app:0x12af', kernel(files), 'unknown', /an instruction begins at/],
    ['uprobe//bin/gone:main', kernel(files), 'refused', /no file \/bin\/gone/],
    ['uprobe//bin/gone:0x12af', kernel(files), 'refused', /no file \/bin\/gone/],
    ['uprobe//bin:main', kernel(files), 'refused', /\/bin is no program/],
    ['uprobe.multi//bin:m*', kernel(files), 'refused', /\/bin is no program/],
    ['uprobe//bin/secret:main', kernel(files), 'unknown', /cannot be read/],
    ['uprobe//bin/gone:main', kept, 'runs'],
    ['uprobe', kernel(files), 'runs'],
    ['netkit/peer', kept, 'refused', /attaches no netkit/],
    ['netkit/peer', newer, 'runs'],
    ['cgroup/connect_unix', kept, 'refused', /attaches no cgroup\/connect_unix/],
    ['lsm_cgroup/socket_bind', older, 'refused', /runs no LSM programs/],
  ];
  for (const [section, facts, state, text] of cases) {
    const [, type, target] = /^([^/]*)\/?(.*)$/.exec(section)!;
    const verdict = judgeHook({ ...program(type!, target!), section }, facts, btf);
    assert.equal(verdict.state, state, `${section} on ${facts.version}: ${JSON.stringify(verdict)}`);
    if (text) assert.match((verdict.state === 'runs' ? verdict.note : verdict.reason) ?? '', text);
  }
});

test('judging: what is for newer kernels is refused by older ones, and unknown where a version is', async () => {
  const source = 'SKEP_SINCE(6.3) SEC("fentry/f") A(p) SKEP_SINCE(7) SEC("fentry/f") A(q)';
  const btf = Btf.fromElf(Elf.parse(await build(`${MAPS}${source}`)));
  const stateOf = (name: string, version: readonly [number, number, number]) =>
    judgeHook({ ...program('fentry', 'f'), name }, kernel({ ...there, version }), btf).state;
  const versions = [
    [6, 2, 9],
    [6, 3, 0],
    [6, 12, 0],
    [7, 0, 0],
    [0, 0, 0],
  ] as const;
  assert.deepEqual(
    versions.map((v) => [stateOf('p', v), stateOf('q', v)].join()),
    ['refused,refused', 'runs,refused', 'runs,refused', 'runs,runs', 'unknown,unknown'],
  );
  const gone = judgeHook({ ...program('fentry', 'f'), name: 'p' }, kernel({ version: [5, 10, 0] }), btf);
  assert.match(gone.state === 'refused' ? gone.reason : '', /for Linux 6\.3 and later/);
});

test('the first rung that is not refused is taken; those below are not asked', () => {
  const rungs = ['a', 'b', 'c'].map((name) => ({ name, programs: [`${name}1`, `${name}2`] }));
  const group = { name: 'g', optional: false, twins: false, rungs };
  const asked: string[] = [];
  const verdictOf = (name: string): Verdict => {
    asked.push(name);
    return name === 'a2' ? { state: 'refused', reason: 'no' } : { state: 'unknown', reason: 'who knows' };
  };
  const { taken, judged } = chooseRung(group, verdictOf);
  assert.equal(taken?.name, 'b');
  assert.deepEqual(asked, ['a1', 'a2', 'b1', 'b2']);
  assert.deepEqual(
    judged.map((j) => j.verdict),
    [
      { state: 'refused', reason: 'no', hint: undefined },
      { state: 'unknown', reason: 'who knows', hint: undefined },
    ],
  );
  assert.equal(chooseRung(group, verdictOf, { all: true }).judged.length, 3);
});

test('arguments: number, structs, pointers; flavours and qualifiers aside', () => {
  const wanted = parseArguments(
    'const struct cred___new *cred, void *data, enum x cap, __u64 n, struct sock **sk',
  );
  assert.deepEqual(wanted, ['struct cred *', 'void *', 'int', 'int', 'struct sock **']);
  assert.deepEqual(parseArguments(''), []);
  assert.deepEqual(parseArguments('int a, int (*call)(int, void *), struct sock *sk').length, 3);
  assert.deepEqual(parseArguments('struct'), ['struct ']);
  const actual = ['struct cred *', 'struct page *', 'int', 'int', 'struct sock **', 'int'];
  assert.equal(misfit(wanted, actual, 'f'), undefined);
  assert.match(misfit(['struct sock *'], ['struct cred *'], 'f') ?? '', /argument 1 of f is struct cred \*/);
  assert.match(misfit(['int'], ['void *'], 'f') ?? '', /argument 1/);
  assert.match(misfit(['int', 'int'], ['int'], 'f') ?? '', /reads 2 arguments of f, which has 1/);
});
