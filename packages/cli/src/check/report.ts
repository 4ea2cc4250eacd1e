import type { KernelFacts, Verdict } from '@skep/bpf';
import type { CheckedObject } from '@skep/probe';
import type { Data } from '../output/template.ts';

/** A probe on one kernel. */
export interface KernelReport {
  readonly kernel: string;
  readonly version: string;
  readonly architecture: KernelFacts['architecture'];
  readonly verdict: Verdict;
  readonly objects: readonly CheckedObject[];
  readonly notes: readonly string[];
}

/** What `--format` is filled with, once a kernel. */
export function reportData(report: KernelReport): { [name: string]: Data } {
  const { kernel, version, architecture, verdict, objects, notes } = report;
  return {
    Kernel: kernel,
    Version: version,
    Architecture: architecture,
    ...verdictData(verdict),
    Objects: objects.map((o) => ({
      Name: o.name,
      ...verdictData(o.verdict),
      Programs: o.programs.map((p) => ({
        Name: p.name,
        Section: p.section,
        Group: p.group ?? '',
        Rung: p.rung ?? '',
        ...verdictData(p.verdict),
      })),
      Groups: o.groups.map(({ group, taken, judged }) => ({
        Name: group.name,
        Optional: group.optional,
        Taken: taken?.name ?? '',
        Without: taken ? '' : (group.without ?? ''),
        Rungs: judged.map((j) => ({ Name: j.rung.name, ...verdictData(j.verdict) })),
      })),
    })),
    Notes: [...notes],
  };
}

function verdictData(v: Verdict): { [name: string]: Data } {
  return v.state === 'runs'
    ? { State: v.state, Reason: '', Hint: '', Note: v.note ?? '' }
    : { State: v.state, Reason: v.reason, Hint: v.hint ?? '', Note: '' };
}
