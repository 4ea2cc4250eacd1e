import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseLockdown } from '../src/features/system.ts';
import {
  bpffs,
  capabilities,
  dumpVmlinuxHeader,
  ensureTracefs,
  hasKernelBtf,
  hookKinds,
  lockdown,
  onlineCpus,
  possibleCpus,
  probeHook,
  probeMapType,
  probeProgramType,
  tracefs,
} from '../src/index.ts';
import { capabilityNames } from '../src/kernel/capabilities.ts';
import { countCpuList } from '../src/kernel/cpus.ts';
import { nearest } from '../src/links/nearest.ts';
import { turnsDuring } from './support/event-loop.ts';

test('program and map types agree with bpftool’s own probes', () => {
  const probed = JSON.parse(
    execFileSync('bpftool', ['-j', 'feature', 'probe', 'kernel'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { program_types: Record<string, boolean>; map_types: Record<string, boolean> };
  let compared = 0;
  for (const [key, there] of Object.entries(probed.program_types)) {
    const type = /^have_(\w+)_prog_type$/.exec(key)?.[1];
    // bpftool asks for a function hook when probing tracing, which says nothing about tracepoints.
    if (type === undefined || type === 'tracing') continue;
    assert.equal(probeProgramType(type).available, there, type);
    compared++;
  }
  for (const [key, there] of Object.entries(probed.map_types)) {
    const type = /^have_(\w+)_map_type$/.exec(key)?.[1];
    if (type === undefined) continue;
    assert.equal(probeMapType(type).available, there, type);
    compared++;
  }
  assert.ok(compared > 50, `${compared}`);
  assert.throws(() => probeMapType('hahs'), { code: 'SKEP_ARGUMENT', hint: /hash/ });
  assert.throws(() => probeProgramType('unspec'), { code: 'SKEP_ARGUMENT' });
});

test('a hook that this kernel has not is missing with a reason and a hint', () => {
  ensureTracefs();
  for (const kind of hookKinds) {
    const { available, reason, hint } = probeHook(kind);
    assert.equal(available, reason === '', kind);
    assert.equal(available, hint === '', kind);
  }
  // What every kernel from 5.8 on with BTF has.
  for (const kind of ['tracepoint', 'raw_tp', 'tp_btf', 'iter', 'perf_event'] as const) {
    assert.equal(probeHook(kind).available, true, kind);
  }
});

test('who may not trace is told of no hook that the kernel has none', {
  skip: process.getuid?.() !== 0 && 'becoming somebody else needs root',
}, () => {
  const index = JSON.stringify(join(import.meta.dirname, '../src/index.ts'));
  const ask = `import { probeHook } from ${index};
process.stdout.write(['raw_tp', 'tp_btf', 'iter'].map((kind) => probeHook(kind).available).join());`;
  const asked = (rights: string) => {
    const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const caps = ['--inh-caps', `-all,${rights}`, '--ambient-caps', `-all,${rights}`];
    const node = [process.execPath, '--input-type=module', '-e', ask];
    return execFileSync('setpriv', [...user, ...caps, ...node], { encoding: 'utf8', cwd: '/' });
  };
  assert.equal(asked('+bpf,+dac_read_search'), ',,');
  assert.equal(asked('+bpf,+perfmon,+dac_read_search'), 'true,true,true');
});

test('the system’s own files are read right', () => {
  assert.ok(capabilities().has('CAP_BPF'));
  assert.deepEqual([...capabilityNames('0000008000200001')], ['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_BPF']);
  assert.equal(capabilityNames('0').size, 0);
  assert.deepEqual(['0', '0-3', '0-1,4,6-7', '', 'x', '3-1'].map(countCpuList), [
    1,
    4,
    5,
    undefined,
    undefined,
    undefined,
  ]);
  assert.ok(onlineCpus().length <= possibleCpus());
  assert.equal(parseLockdown('none [integrity] confidentiality\n'), 'integrity');
  assert.equal(parseLockdown('[none] integrity confidentiality\n'), 'none');
  assert.equal(parseLockdown(''), 'unknown');
  assert.ok(['none', 'integrity', 'confidentiality'].includes(lockdown()));
  assert.equal(
    existsSync('/sys/kernel/security/lockdown'),
    mounted('securityfs'),
    'asking has not mounted anything',
  );
  assert.equal(tracefs() !== undefined, mounted('tracefs'));
  assert.equal(bpffs() !== undefined, mounted('bpf'));
});

function mounted(type: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((l) => l.split(' ')[2] === type);
}

test('a misspelt name finds its neighbours', () => {
  assert.deepEqual(
    nearest('sched_swich', ['sched_switch', 'sched_wakeup', 'sched_stat_wait'], 2)[0],
    'sched_switch',
  );
  assert.deepEqual(nearest('x', ['completely_else'], 3), []);
});

test('vmlinux.h compiles a CO-RE program, and is made without stopping the event loop', {
  skip: !hasKernelBtf(),
}, async () => {
  const { turns, result: header } = await turnsDuring(dumpVmlinuxHeader());
  assert.ok(turns > 10, `${turns} turns`);
  assert.match(header, /^#ifndef __VMLINUX_H__\n/);
  assert.match(header, /preserve_access_index/);
  const dir = mkdtempSync(join(tmpdir(), 'skep-vmlinux-'));
  try {
    writeFileSync(join(dir, 'vmlinux.h'), header);
    writeFileSync(
      join(dir, 'p.c'),
      `#include "vmlinux.h"
       #include <bpf/bpf_helpers.h>
       #include <bpf/bpf_core_read.h>
       SEC("tp_btf/sched_process_exit") int p(u64 *ctx) { return BPF_CORE_READ((struct task_struct *)ctx[0], tgid); }`,
    );
    execFileSync('clang', ['-target', 'bpf', '-g', '-O2', '-Wall', '-Werror', '-c', 'p.c', '-o', 'p.o'], {
      cwd: dir,
    });
    // A type that only the header of this kernel can know the size of.
    const bpftool = execFileSync(
      'bpftool',
      ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'],
      { encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    const structs = (text: string) => new Set(text.match(/^(?:struct|union|enum) \w+ \{/gm));
    assert.deepEqual(structs(header), structs(bpftool));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  await assert.rejects(dumpVmlinuxHeader('/nonexistent'), { code: 'SKEP_BTF_MISSING' });
});
