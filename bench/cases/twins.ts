import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runInGuest } from '../../test/kernels/vm.ts';
import { type Case, inTurn } from '../lib/case.ts';
import { skep, type Workplace } from '../lib/workplace.ts';
import { GUEST, toolsOfGuest } from '../twins/guest-table.ts';
import { Actor, type Cost, measure, type Tool } from '../twins/measure.ts';
import { type Pair, pairs } from '../twins/pairs.ts';

const root = join(import.meta.dirname, '../..');
const LIBBPF_TOOLS = '/usr/sbin';

/** What a round has found, by "probe: tool": one measurement is two rows of the table. */
const rounds = new Map<number, Promise<Map<string, Cost>>>();

function found(place: Workplace, round: number): Promise<Map<string, Cost>> {
  const known = rounds.get(round) ?? measureAll(place, round);
  rounds.set(round, known);
  return known;
}

async function measureAll(place: Workplace, round: number): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>();
  await using actor = new Actor(deeds(place), ['taskset', '-c', '1'], 5);
  for (const pair of pairs) {
    const object = probe(place, pair.probe);
    const inOrder = tools(pair, object);
    const each = new Map<string, Cost>();
    for (const tool of inTurn(inOrder, round)) each.set(tool.name, await measure(actor, pair, tool));
    // In the table the order is always the same.
    for (const { name } of inOrder) costs.set(`${pair.probe}: ${name}`, each.get(name)!);
  }
  return costs;
}

/** The tools of this machine that do what the probe does; each on the processor that the watched process is not on. */
function tools(pair: Pair, object: string): Tool[] {
  const aside = ['taskset', '-c', '0'];
  const { libbpf } = pair;
  const out: Tool[] = [
    {
      name: 'skep',
      command: (w) => [...aside, skep, 'run', object, '-o', 'json', '--no-prom', ...pair.skep(w)],
    },
  ];
  // Without kprobes here, those that need them are measured in a guest.
  if (typeof libbpf === 'function' && pair.probes !== 'kprobe' && existsSync(join(LIBBPF_TOOLS, pair.probe)))
    out.push({
      name: 'libbpf-tools',
      command: (w) => [...aside, join(LIBBPF_TOOLS, pair.probe), ...libbpf(w)],
    });
  if (existsSync('/usr/bin/bpftrace'))
    out.push({ name: 'bpftrace', command: (w) => [...aside, 'bpftrace', '-q', '-e', pair.bpftrace(w)] });
  return out;
}

/** The program that acts, compiled once. */
function deeds({ dir }: Workplace): string {
  const program = join(dir, 'deeds');
  if (!existsSync(program))
    execFileSync('cc', ['-O2', '-static', '-o', program, join(root, 'bench/load/deeds.c')]);
  return program;
}

function probe({ dir }: Workplace, name: string): string {
  const object = join(dir, `${name}.o`);
  const source = join(root, 'probes', name, `${name}.c`);
  if (!existsSync(object))
    execFileSync(skep, ['build', source, '--binary-only', '-o', object], { stdio: 'pipe' });
  return object;
}

const beside =
  'each tool narrowed to one process or its cgroup, on the other processor; in bursts that the buffers hold; the least of seven goes';

export const twinsRun: Case = {
  name: 'twins',
  title: "The catalogue's programs beside their twins', run time an event",
  unit: 'ns',
  target: 'no more than either twin',
  conditions: `the kernel's account of all programs of the tool (bpf_stats, on for all alike); ${beside}`,
  async round(place, round) {
    const costs = await found(place, round);
    return Object.fromEntries([...costs].map(([name, { runTime }]) => [name, runTime]));
  },
};

export const twinsCpu: Case = {
  name: 'twins-cpu',
  title: 'The same, as more processor time of the watched process',
  unit: 'ns',
  target: 'no more than either twin',
  conditions: `getrusage of the process and its children, with the tool less without it; as each tool comes, so skep with statistics; ${beside}`,
  async round(place, round) {
    const costs = await found(place, round);
    const known = [...costs].flatMap(([name, { cpu }]) => (cpu === undefined ? [] : [[name, cpu] as const]));
    return Object.fromEntries(known);
  },
};

export const twinsGuest: Case = {
  name: 'twins-6.1',
  title: 'Beside libbpf-tools that need kprobes: an emulated Linux 6.1',
  unit: 'ns of an emulated processor',
  target: 'no more than the twin',
  conditions: 'as the first, in a guest: only the ratio says something',
  async round(place) {
    const files: Record<string, string> = {
      '/skep/bench': join(root, 'bench'),
      '/twins/deeds': deeds(place),
    };
    for (const name of toolsOfGuest) {
      files[`/twins/${name}.o`] = probe(place, name);
      files[`/twins/${name}`] = join(LIBBPF_TOOLS, name);
    }
    const out: Record<string, number> = {};
    const lines: string[] = [];
    const { code } = await runInGuest({
      kernel: '6.1',
      command: `SKEP_BENCH_DEBUG=${process.env.SKEP_BENCH_DEBUG ?? ''} node bench/twins/guest.ts`,
      timeoutMs: 500_000,
      files,
      onLine: (line) => {
        lines.push(line);
        const said = line.startsWith(GUEST) ? (JSON.parse(line.slice(GUEST.length)) as [string, number]) : [];
        if (said.length) out[said[0]!] = said[1]!;
      },
    });
    if (code !== 0) throw new Error(`in the guest:\n${lines.slice(-15).join('\n')}`);
    return out;
  },
};
