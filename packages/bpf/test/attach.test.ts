import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { burn } from '../../../test/support/cpu-time.ts';
import { until } from '../../../test/support/until.ts';
import { userFunctions } from '../src/elf/user-functions.ts';
import { Btf, closeLinks, ensureBpffs, runningKernel } from '../src/index.ts';
import { planAttach } from '../src/links/plan.ts';
import { turnsDuring } from './support/event-loop.ts';
import { asU64, callGetpriority, loadedPrograms, openSource, u32 } from './support/kernel.ts';

/** A program in a section that counts its runs in this process. */
const counting = (section: string, more = '') => `
const volatile __u32 only_pid = 0;
__u64 runs = 0;
${more}
SEC("${section}") int skep_t_count(void *ctx) {
  if (MINE(only_pid)) __sync_fetch_and_add(&runs, 1);
  return 0;
}`;

async function loaded(section: string, more?: string, pid = process.pid) {
  const object = openSource(counting(section, more), 'counting');
  object.setGlobal('only_pid', u32(pid));
  await object.load();
  const bss = object.maps.find((m) => m.name.endsWith('.bss'))!;
  return { object, program: object.programs[0]!, runs: () => asU64(bss.get(u32(0))) };
}

test('raw_tp and tp_btf run at their tracepoint', async () => {
  for (const section of ['raw_tp/sys_enter', 'raw_tracepoint/sys_enter', 'tp_btf/sys_enter']) {
    const { object, program, runs } = await loaded(section);
    program.attach();
    callGetpriority(100);
    const seen = runs();
    object.close();
    assert.ok(seen >= 100, `${section}: ${seen}`);
  }
});

test('a tracepoint can be given when attaching, in both spellings', async () => {
  const { object, program, runs } = await loaded('tp');
  using _ = object;
  program.attach({ target: 'syscalls/sys_enter_getpriority' });
  callGetpriority(5);
  program.attach({ target: 'syscalls:sys_exit_getpriority' });
  callGetpriority(5);
  assert.equal(runs(), 15);
});

test('uprobe and uretprobe count calls of one function in one process', async () => {
  // Node calls libc's getpriority for os.getPriority.
  for (const section of ['uprobe', 'uretprobe']) {
    const { object, program, runs } = await loaded(section);
    program.attach({ target: 'libc.so.6:getpriority', pid: process.pid });
    callGetpriority(20);
    const seen = runs();
    object.close();
    assert.equal(seen, 20, section);
  }
});

test('functions of a process are named as the language has them, or by places in functions and in the file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-bpf-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [plain, file] = [join(folder, 'plain'), join(folder, 'program')];
  const source = `#include <stdio.h>
    __asm__(".text\\n.globl run, half\\n.type run, %function\\nrun: nop\\nhalf: nop\\n ret\\n.size run, . - run\\n");
    void run(void); void half(void);
    int main(void) { setbuf(stdout, 0); for (int c; (c = getchar()) != EOF; putchar(c)) if (c == 'r') run(); else if (c == 'h') half(); }`;
  execFileSync('gcc', ['-x', 'c', '-', '-o', plain], { input: source });
  execFileSync('objcopy', ['--redefine-sym', 'run=main.(*Worker).Run', plain, file]);
  const { fileOffset } = userFunctions(file).find((f) => f.name === 'main.(*Worker).Run')!;
  const nop = process.arch === 'arm64' ? 4n : 1n;
  const child = spawn(file, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const [major, minor] = runningKernel().version;
  for (const kind of major > 6 || (major === 6 && minor >= 6) ? ['uprobe', 'uprobe.multi'] : ['uprobe'])
    for (const [target, atRun, atHalf] of [
      ['main.(*Worker).Run', 1, 0],
      [`main.(*Worker).Run+${nop}`, 1, 1],
      [`${fileOffset}`, 1, 0],
      [`0x${(fileOffset + nop).toString(16)}`, 1, 1],
    ] as const) {
      const { object, program, runs } = await loaded(kind, '', child.pid);
      using _ = object;
      program.attach({ target: `${file}:${target}`, pid: child.pid! });
      const seen: number[] = [];
      for (const letter of 'rh') {
        const before = runs();
        child.stdin.write(letter);
        await once(child.stdout, 'data');
        seen.push(runs() - before);
      }
      assert.deepEqual(seen, [atRun, atHalf], `${kind} ${target}`);
    }
});

test('a perf event samples this process', async () => {
  const { object, program, runs } = await loaded('perf_event');
  using _ = object;
  const link = program.attach({ pid: process.pid, sampleFrequency: 1000 });
  burn(100);
  link.close();
  assert.ok(runs() > 10, `${runs()}`);
});

test('a perf event samples all threads of a process, and those it starts', async () => {
  const { object, program, runs } = await loaded('perf_event');
  using _ = object;
  /** A thread that takes a tenth of a second of CPU when it is told to. */
  const spinner = async (): Promise<{ spin(): Promise<void> }> => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.once('message', () => {
         const used = () => Object.values(process.threadCpuUsage()).reduce((a, b) => a + b);
         for (const from = used(); used() < from + 100_000;);
       });
       parentPort.postMessage('here');`,
      { eval: true },
    );
    await once(worker, 'message');
    return {
      async spin() {
        worker.postMessage('go');
        await once(worker, 'exit');
      },
    };
  };
  const before = await spinner();
  using _link = program.attach({ pid: process.pid, sampleFrequency: 1000 });
  const at = runs();
  await before.spin();
  const old = runs() - at;
  assert.ok(old > 10, `${old} of the thread that was there`);
  // Linux 5.13 follows threads and not child processes.
  const after = await spinner();
  const between = runs();
  await after.spin();
  assert.ok(runs() - between > 10, `${runs() - between} of the thread that came`);
});

test('an iterator is read to its end', async () => {
  const object = openSource(
    `struct seq_file;
     struct bpf_iter_meta { struct seq_file *seq; __u64 session_id; __u64 seq_num; } __attribute__((preserve_access_index));
     struct task_struct { int tgid, pid; } __attribute__((preserve_access_index));
     struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; } __attribute__((preserve_access_index));
     SEC("iter/task") int tasks(struct bpf_iter__task *ctx) {
       struct task_struct *task = ctx->task;
       if (task) { __u64 id = task->tgid; bpf_seq_write(ctx->meta->seq, &id, sizeof id); }
       return 0;
     }`,
    'tasks',
  );
  using _ = object;
  await object.load();
  const bytes = await object.program('tasks').attach().readIterator();
  const pids = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  assert.ok(pids.includes(BigInt(process.pid)));
});

test('an iterator that gets the same thing again and again is given up', async () => {
  const object = openSource(`SEC("iter/task") int skep_t_again(void *ctx) { return 1; }`, 'again');
  using _ = object;
  await object.load();
  const link = object.programs[0]!.attach();
  const stuck = { code: 'SKEP_STATE', message: /"skep_t_again" gets nowhere/ };
  assert.throws(() => link.readIteratorNow(), stuck);
  await assert.rejects(link.readIterator(), stuck);
});

test('a pipe is no program, and nobody waits for one who writes to it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-attach-'));
  try {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { object, program } = await loaded(`uprobe/${folder}/pipe:main`);
    using _ = object;
    assert.throws(() => program.attach(), { code: 'SKEP_ATTACH', message: /pipe is no program or library/ });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('xdp and tc programs attach, and are gone with their links', () => {
  // In a network namespace of its own, so that the loopback interface is nobody else's.
  const kernel = new URL('./support/kernel.ts', import.meta.url).href;
  const code = `
    import { execFileSync } from 'node:child_process';
    import { openSource } from ${JSON.stringify(kernel)};
    const links = () => JSON.parse(execFileSync('bpftool', ['-j', 'link', 'show'], { encoding: 'utf8' })).map((l) => l.prog_id);
    const out = {};
    for (const [section, options] of [['xdp', {}], ['tc', { direction: 'egress' }], ['tcx/ingress', {}]]) {
      const object = openSource('SEC("' + section + '") int skep_t_net(void *ctx) { return ' + (section === 'xdp' ? 2 : 0) + '; }');
      await object.load();
      const { id } = object.programs[0].info();
      try {
        object.programs[0].attach({ target: 'lo', ...options });
        const during = links().includes(id);
        object.close();
        out[section] = [during, links().includes(id)];
      } catch (e) {
        out[section] = e.code;
      }
    }
    console.log(JSON.stringify(out));`;
  const out = execFileSync(
    'unshare',
    ['-n', process.execPath, '--input-type=module-typescript', '-e', code],
    { encoding: 'utf8' },
  );
  const attached = [true, false];
  const [major, minor] = release().split('.').map(Number) as [number, number];
  const tc = major > 6 || (major === 6 && minor >= 6) ? attached : 'SKEP_UNSUPPORTED';
  assert.deepEqual(JSON.parse(out), { xdp: attached, tc, 'tcx/ingress': tc });
});

test('a cgroup program counts what its cgroup sends, and no other', async (t) => {
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
  if (!mount) return t.skip('no cgroup2 is mounted');
  const cgroup = `${mount}/skep_t_${process.pid}`;
  mkdirSync(cgroup);
  const object = openSource(
    `__u64 sent = 0; SEC("cgroup_skb/egress") int skep_t_cg(void *skb) { __sync_fetch_and_add(&sent, 1); return 1; }`,
  );
  try {
    await object.load();
    object.programs[0]!.attach({ target: cgroup });
    const send = "require('node:dgram').createSocket('udp4').send('x', 9, '127.0.0.1', () => process.exit())";
    const joining = `require('node:fs').writeFileSync('${cgroup}/cgroup.procs', String(process.pid));`;
    execFileSync(process.execPath, ['-e', send]);
    execFileSync(process.execPath, ['-e', joining + send]);
    const bss = object.maps.find((m) => m.name.endsWith('.bss'))!;
    // The datagram; the answer that nobody listens is not sent by the process.
    assert.equal(asU64(bss.get(u32(0))), 1);
    assert.throws(() => object.programs[0]!.attach({ target: '/tmp' }), {
      code: 'SKEP_ATTACH',
      message: /cgroup2/,
    });
    // A folder of that name elsewhere is none, as / is not the root of the hierarchy: it is looked for below the mount.
    const here = process.cwd();
    const elsewhere = mkdtempSync(join(tmpdir(), 'skep-t-'));
    process.chdir(elsewhere);
    try {
      mkdirSync(basename(cgroup));
      object.programs[0]!.attach({ target: basename(cgroup) });
    } finally {
      process.chdir(here);
      rmSync(elsewhere, { recursive: true });
    }
  } finally {
    object.close();
    rmdirSync(cgroup);
  }
});

test('a pinned program is what bpftool finds there', async () => {
  const path = `${ensureBpffs()}/skep_t_prog_${process.pid}`;
  const { object, program } = await loaded('raw_tp/sys_enter');
  using _ = object;
  try {
    program.pin(path);
    const shown = execFileSync('bpftool', ['-j', 'prog', 'show', 'pinned', path], { encoding: 'utf8' });
    assert.equal((JSON.parse(shown) as { id: number }).id, program.info().id);
  } finally {
    rmSync(path, { force: true });
  }
});

test('a pinned link keeps the program attached until the pin goes', async () => {
  const path = `${ensureBpffs()}/skep_t_link_${process.pid}`;
  const { object, program, runs } = await loaded('tp/syscalls/sys_enter_getpriority');
  using _ = object;
  try {
    const link = program.attach();
    link.pin(path);
    link.close();
    callGetpriority(7);
    assert.equal(runs(), 7);
  } finally {
    rmSync(path, { force: true });
  }
  assert.equal(existsSync(path), false);
});

test('many links close on the pool while the event loop goes on', async () => {
  const five = await Promise.all(
    Array.from({ length: 5 }, () => loaded('tp/syscalls/sys_enter_getpriority')),
  );
  const links = five.map(({ program }) => program.attach());
  const { turns } = await turnsDuring(closeLinks(links));
  assert.ok(turns > 5, `${turns}`);
  assert.ok(links.every((l) => l.closed));
  for (const { object } of five) {
    assert.deepEqual(object.links, []);
    object.close();
  }
});

test('kill -9 leaves nothing in the kernel', async () => {
  const source = counting('tp/syscalls/sys_enter_getpriority').replace('skep_t_count', 'skep_t_killed');
  const child = spawn(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { openSource } from ${JSON.stringify(new URL('./support/kernel.ts', import.meta.url).href)};
     const object = openSource(${JSON.stringify(source)});
     await object.load();
     object.programs[0].attach();
     console.log('attached');
     setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  assert.ok(loadedPrograms().includes('skep_t_killed'));
  child.kill('SIGKILL');
  await once(child, 'exit');
  // The kernel frees a program after a grace period.
  await until(loadedPrograms, (names) => !names.includes('skep_t_killed'));
});

for (const [section, code, message] of [
  [
    'tp/oom/mark_victimx',
    'SKEP_UNSUPPORTED',
    /"skep_t_count".*oom\/mark_victimx: this kernel has no such tracepoint/,
  ],
  ['tp/ooom/mark_victim', 'SKEP_UNSUPPORTED', /no tracepoint category "ooom"/],
  ['tp', 'SKEP_ATTACH', /names no hook/],
  ['raw_tp/nope', 'SKEP_UNSUPPORTED', /no such tracepoint/],
  ['uprobe//bin/nope:readline', 'SKEP_ATTACH', /no file \/bin\/nope/],
  ['uprobe//bin/sh:nope_nope', 'SKEP_ATTACH', /no function "nope_nope"/],
  ['uprobe/nope:readline', 'SKEP_ATTACH', /no program or library is called nope where/],
  ['uprobe//etc/passwd:readline', 'SKEP_ATTACH', /\/etc\/passwd is no program or library/],
  ['uprobe//bin/sh:0xfffffff0', 'SKEP_ATTACH', /no instruction that can be probed begins there in \/bin\/sh/],
  ['uprobe//etc:readline', 'SKEP_ATTACH', /\/etc is no program or library/],
  ['usdt//bin/sh:a:b', 'SKEP_ATTACH', /USDT/],
  ['xdp', 'SKEP_ATTACH', /names no hook/],
  ['socket', 'SKEP_ATTACH', /names no hook/],
  ['sk_msg', 'SKEP_UNSUPPORTED', /no hook/],
] as const) {
  test(`attaching ${section} fails with a reason`, async () => {
    const { object, program } = await loaded(
      section,
      section === 'xdp'
        ? '#undef MINE\n#define MINE(p) 1'
        : section === 'socket' || section === 'sk_msg'
          ? '#undef MINE\n#define MINE(p) 1'
          : '',
    );
    using _ = object;
    assert.throws(() => program.attach(), { code, message });
    await assert.rejects(program.attachAsync(), { code, message });
  });
}

test('uprobe.multi at no instruction says that, where the kernel has such links', async () => {
  const { object, program } = await loaded('uprobe.multi//bin/sh:0xfffffff0');
  using _ = object;
  const types = Btf.kernel().find('bpf_attach_type', 'enum');
  const has = types?.kind === 'enum' && types.values.some((v) => v.name === 'BPF_TRACE_UPROBE_MULTI');
  assert.throws(
    () => program.attach(),
    has
      ? { code: 'SKEP_ATTACH', message: /no instruction that can be probed begins there/ }
      : { code: 'SKEP_UNSUPPORTED', message: /no links to many user functions/ },
  );
});

test('a uprobe in a process that has ended says that, not that the function is missing', async () => {
  const child = spawn('/bin/true');
  await once(child, 'exit');
  const { object, program } = await loaded('uprobe/libc.so.6:getpid');
  using _ = object;
  assert.throws(() => program.attach({ pid: child.pid! }), {
    code: 'SKEP_ATTACH',
    message: new RegExp(`there is no process ${child.pid}$`),
  });
});

test('a program that reads past the end of its tracepoint is told so', async () => {
  using object = openSource(
    `SEC("tp/syscalls/sys_enter_getpriority") int skep_t_past(void *ctx) { return *(int *)(ctx + 4096); }`,
    'past',
  );
  await object.load();
  assert.throws(() => object.programs[0]!.attach(), {
    code: 'SKEP_ATTACH',
    message: /reads past the end of what this tracepoint hands over/,
    hint: /events\/syscalls\/sys_enter_getpriority\/format/,
  });
});

test('an iterator over a map without one says so, not the number that the kernel answers with', () => {
  const hook = { program: 'dump', kind: 'iter', target: 'bpf_map_elem' };
  assert.throws(() => planAttach(hook, 'iter/bpf_map_elem', {}), {
    code: 'SKEP_ATTACH',
    message: /"dump" .* goes over a map, and none is named/,
  });
  assert.equal(planAttach(hook, 'iter/bpf_map_elem', { map: 5 }).steps[0]!.how, 'iter.map');
});
