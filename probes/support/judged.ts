/** Which rungs of a probe's groups this kernel carries. */
import { Btf, Elf, runningKernel } from '@skep/bpf';
import { describeObject, type HookGroup, judgeHook, judgeRung } from '@skep/probe';
import { fixture } from '../../test/support/fixtures.ts';

const facts = process.getuid?.() === 0 ? runningKernel() : undefined;

/** The groups of a probe, and of each rung whether this kernel is judged to refuse it. */
export async function judged(
  probe: string,
): Promise<{ group: HookGroup; carried: string[]; refused: string[] }[]> {
  const bytes = await fixture(new URL(`../${probe}/${probe}.c`, import.meta.url));
  const { hooks, programs } = describeObject(bytes, probe);
  const btf = Btf.fromElf(Elf.parse(bytes));
  const stateOf = (group: HookGroup, rung: string) =>
    judgeRung(group.rungs.find((r) => r.name === rung)!, (name) =>
      judgeHook(programs.find((p) => p.name === name)!, facts!, btf),
    ).state;
  return hooks.map((group) => {
    const names = group.rungs.map((r) => r.name);
    const refused = names.filter((name) => stateOf(group, name) === 'refused');
    return { group, carried: names.filter((name) => !refused.includes(name)), refused };
  });
}

/** The rungs of one group that this kernel carries, best first. None without the rights to ask it. */
export async function rungsOf(probe: string, group: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  return (await judged(probe)).find((j) => j.group.name === group)?.carried ?? [];
}
