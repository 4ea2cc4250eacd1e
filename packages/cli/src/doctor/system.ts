import { existsSync } from 'node:fs';
import { release } from 'node:os';
import type * as Bpf from '@skep/bpf';
import { humanSize } from '../output/size.ts';
import { type Check, essential, found, lacking } from './check.ts';

const area = 'Kernel';

/** What the kernel was built with, what is mounted, and what it forbids. */
export function checkSystem(bpf: typeof Bpf): Check[] {
  return [kernelTypes(bpf), tracefs(bpf), bpffs(bpf), cgroups(), lockdown(bpf), memlock(bpf), jit(bpf)];
}

function kernelTypes(bpf: typeof Bpf): Check {
  const file = '/sys/kernel/btf/vmlinux';
  if (bpf.hasKernelBtf()) return essential(found(area, 'type information', file));
  const mend = 'a kernel with CONFIG_DEBUG_INFO_BTF=y: Debian 11, Ubuntu 20.10, RHEL 8.2 and later have it';
  return essential(
    lacking(area, 'type information', `no ${file}: programs cannot adapt to this kernel`, mend),
  );
}

function tracefs(bpf: typeof Bpf): Check {
  const place = bpf.tracefs();
  if (place !== undefined) return found(area, 'tracefs', place);
  const detail = process.geteuid?.() === 0 ? 'not mounted' : 'not mounted, or not to be seen by this user';
  return lacking(
    area,
    'tracefs',
    `${detail}: no tracepoints`,
    'sudo mount -t tracefs tracefs /sys/kernel/tracing',
  );
}

function bpffs(bpf: typeof Bpf): Check {
  const place = bpf.bpffs();
  if (place !== undefined) return found(area, 'bpffs', place);
  return lacking(area, 'bpffs', 'not mounted: nothing can be pinned', 'sudo mount -t bpf bpf /sys/fs/bpf');
}

function cgroups(): Check {
  for (const place of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    if (existsSync(`${place}/cgroup.controllers`)) return found(area, 'cgroup v2', place);
  }
  const detail = 'not mounted: probes cannot be narrowed to a cgroup';
  return lacking(area, 'cgroup v2', detail, 'sudo mount -t cgroup2 none /sys/fs/cgroup');
}

function lockdown(bpf: typeof Bpf): Check {
  const state = bpf.lockdown();
  if (state === 'none') return found(area, 'lockdown', 'none');
  if (state === 'integrity')
    return found(area, 'lockdown', 'integrity: only writing to user memory is forbidden');
  if (state === 'unknown') {
    return { ...lacking(area, 'lockdown', 'not to be seen by this user', 'sudo skep doctor'), ok: undefined };
  }
  const mend = 'boot with lockdown=integrity, or without Secure Boot';
  return essential(lacking(area, 'lockdown', 'confidentiality: programs may not read kernel memory', mend));
}

function memlock(bpf: typeof Bpf): Check {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major > 5 || (major === 5 && minor >= 11)) {
    return found(area, 'locked memory', 'no limit for maps, since Linux 5.11');
  }
  const { soft } = bpf.memlockLimit();
  if (soft === Number.POSITIVE_INFINITY) return found(area, 'locked memory', 'no limit');
  if (bpf.capabilities().has('CAP_SYS_RESOURCE')) {
    return found(area, 'locked memory', `${humanSize(soft)}, which skep may lift`);
  }
  return lacking(area, 'locked memory', `${humanSize(soft)} for all maps`, 'ulimit -l unlimited, as root');
}

function jit(bpf: typeof Bpf): Check {
  const on = bpf.jitEnabled();
  if (on) return found(area, 'JIT compiler', 'on');
  if (on === undefined) {
    return {
      ...lacking(area, 'JIT compiler', 'not to be seen by this user', 'sudo skep doctor'),
      ok: undefined,
    };
  }
  return lacking(
    area,
    'JIT compiler',
    'off: programs run slower',
    'sudo sysctl -w net.core.bpf_jit_enable=1',
  );
}
