import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { filterOf } from '../instances/filter.ts';
import { type Instance, listInstances } from '../instances/folder.ts';
import { humanAge } from '../output/age.ts';
import { formatRows, type Row } from '../output/format.ts';
import { note, out } from '../output/out.ts';
import { collect } from '../settings.ts';
import { parseCount } from '../values.ts';

const columns = ['ID', 'Probes', 'CreatedSince', 'Status', 'Metrics', 'Name'];

interface Flags {
  all?: boolean;
  quiet?: boolean;
  filter?: string[];
  format?: string;
  trunc: boolean;
  last?: number;
  latest?: boolean;
}

/** `skep ps` */
export function define(command: Command): void {
  command
    .option('-a, --all', 'also those that have ended')
    .option('-q, --quiet', 'only ids')
    .option('-f, --filter <key=value>', 'name, id, label, status or probe; may be repeated', collect)
    .option('--format <template>', "json, 'table …' or a Go template; json in a pipe unless said")
    .option('--no-trunc', 'whole ids, all probes')
    .option('-n, --last <n>', 'only the newest, those that have ended too', parseCount('--last'))
    .option('-l, --latest', 'only the newest one')
    .action(ps);
  examples(
    command,
    'sudo skep run -d --name kills --label env=prod oomkill:1',
    'sudo skep ps',
    'sudo skep ps -a --filter status=exited --filter status=dead',
    'sudo skep ps --filter label=env=prod --format json',
    'sudo skep rm -f $(sudo skep ps -aq)',
    '',
    'Shows the instances of this user: those that run, with -a also those that have ended. dead: its process was killed, crashed, or went with a reboot. damaged: a file of it cannot be read; skep rm -f takes it away.',
    'Fields: ID Name Probes CreatedAt CreatedSince State Status ExitCode Error Pid Metrics Labels',
  );
}

async function ps(flags: Flags): Promise<void> {
  const wanted = filterOf(flags.filter ?? []);
  const byState = (flags.filter ?? []).some((f) => f.startsWith('status='));
  const ended = (i: Instance): boolean => i.state === 'exited' || i.state === 'dead';
  const last = flags.latest ? 1 : flags.last;
  const all = flags.all || byState || last !== undefined;
  const shown = listInstances()
    .filter((i) => (all || !ended(i)) && wanted(i))
    .slice(0, last);
  for (const { damage } of shown) if (damage) note(`${damage.message}\n  ${damage.hint}`);
  const idOf = ({ id, name }: Instance): string => (flags.trunc ? id.slice(0, 12) : id) || name;
  if (flags.quiet) return out(shown.map((i) => `${idOf(i)}\n`).join(''));
  const format = flags.format ?? (process.stdout.isTTY ? undefined : 'json');
  const whole = format !== undefined && !format.startsWith('table');
  await out(
    formatRows(
      shown.map((i) => rowOf(i, idOf(i), whole || !flags.trunc)),
      columns,
      format,
    ),
  );
}

function rowOf(i: Instance, id: string, whole: boolean): Row {
  return {
    ID: id,
    Name: i.name,
    Probes: probesText(i.programs, whole),
    CreatedAt: i.createdAt,
    CreatedSince: i.createdAt === '' ? '' : humanAge(new Date(i.createdAt)),
    State: i.state,
    Status: statusText(i),
    ExitCode: i.ended?.code ?? null,
    Error: i.ended?.error ?? '',
    Pid: i.state === 'running' ? i.running!.process.pid : null,
    Metrics: i.state === 'running' ? (i.running!.metrics ?? '') : '',
    Labels: Object.entries(i.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  };
}

function probesText(names: readonly string[], whole: boolean): string {
  const shown = whole || names.length < 4 ? names : names.slice(0, 2);
  const more = names.length - shown.length;
  return `${shown.join(',')}${more > 0 ? ` +${more}` : ''}`;
}

/** As docker has it: `Up 5 minutes`, `Exited (0) 3 hours ago`. */
function statusText(i: Instance): string {
  if (i.state === 'damaged') return 'Damaged';
  if (i.state === 'created') return 'Starting';
  if (i.state === 'running') return `Up ${humanAge(new Date(i.running!.startedAt)).replace(/ ago$/, '')}`;
  if (i.ended) return `Exited (${i.ended.code}) ${humanAge(new Date(i.ended.endedAt))}`;
  return i.lostBy === 'reboot' ? 'Dead (reboot)' : 'Dead (killed or crashed)';
}
