import { release } from 'node:os';
import type { Command } from 'commander';
import { type Check, essential, tried } from '../doctor/check.ts';
import { checkFeatures, needOneOf } from '../doctor/features.ts';
import { checkPrivileges } from '../doctor/privileges.ts';
import { checkSystem } from '../doctor/system.ts';
import { doctorText } from '../doctor/text.ts';
import { checkTools } from '../doctor/tools.ts';
import { usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { ExitCode } from '../exit-codes.ts';
import { out } from '../output/out.ts';
import { template, toJson } from '../output/template.ts';
import { version } from '../version.ts';

/** `skep doctor` */
export function define(command: Command): void {
  command
    .option('--format <template>', 'json, or a Go template filled for each check')
    .option('-q, --quiet', 'only what is missing')
    .option('-a, --all', 'all BPF on this machine instead: programs, maps, links, whose they are')
    .action(doctor);
  examples(
    command,
    'sudo skep doctor',
    'sudo skep doctor -q',
    "sudo skep doctor --format '{{.Name}}: {{.State}}'",
    'sudo skep doctor --all',
    '',
    'Exits with 1 when something is missing without which no probe runs.',
    'Fields: Area Name State (yes, no, unknown) Detail Mend Essential Since',
    'With --all: Kind (program, map, link) ID Type Name MemoryBytes Owners and more, see --format json',
  );
}

async function doctor(flags: { format?: string; quiet?: boolean; all?: boolean }): Promise<void> {
  if (flags.all) return everything(flags);
  const filled = flags.format && flags.format !== 'json' ? template(flags.format) : undefined;
  if (filled && flags.quiet)
    throw usageError('--quiet and --format exclude each other', 'Leave one of them out.');
  const checks = await examine();
  if (checks.some((c) => c.essential && c.ok === false)) process.exitCode = ExitCode.general;
  if (flags.format === undefined) {
    const about = `skep ${version}, Linux ${release()} ${process.arch}, Node ${process.versions.node}`;
    return out(doctorText(about, checks, flags.quiet ?? false));
  }
  const rows = checks.map(rowOf);
  await out(filled ? rows.map((row) => `${filled.fill(row)}\n`).join('') : `${toJson(rows, 2)}\n`);
}

/** `--all`: what is loaded, not what could be. */
async function everything(flags: { format?: string; quiet?: boolean }): Promise<void> {
  if (flags.quiet) throw usageError('--quiet and --all exclude each other', 'Leave one of them out.');
  const filled = flags.format && flags.format !== 'json' ? template(flags.format) : undefined;
  const inventory = (await import('@skep/bpf')).takeInventory();
  const { inventoryText, programCosts } = await import('../inventory/rows.ts');
  if (flags.format === undefined) return out(inventoryText(inventory));
  const { otherFields, programFields } = await import('../inventory/fields.ts');
  const rows = [...programCosts(inventory).map(programFields), ...otherFields(inventory)];
  await out(filled ? rows.map((row) => `${filled.fill(row)}\n`).join('') : `${toJson(rows, 2)}\n`);
}

async function examine(): Promise<Check[]> {
  const bpf = await import('@skep/bpf');
  // The addon is asked first, for something harmless: without it nothing else can be found out.
  const addon = essential(
    await tried('This process', 'addon', () => `loaded; ${bpf.memlockLimit() && process.arch}`),
  );
  const privileges = checkPrivileges(bpf.capabilities());
  const tools = await checkTools();
  if (!addon.ok) return [addon, ...privileges, ...tools];
  const features = checkFeatures(bpf);
  const hooks = needOneOf('a hook', features, [
    'tracepoint',
    'raw_tp',
    'tp_btf',
    'kprobe',
    'uprobe',
    'fentry',
  ]);
  const buffers = needOneOf('an event buffer', features, ['ringbuf', 'perf_event_array']);
  return [addon, ...privileges, ...checkSystem(bpf), ...hooks, ...buffers, ...tools, ...features];
}

function rowOf(c: Check): { [name: string]: string | boolean } {
  const State = c.ok === undefined ? 'unknown' : c.ok ? 'yes' : 'no';
  return {
    Area: c.area,
    Name: c.name,
    State,
    Detail: c.detail,
    Mend: c.mend,
    Essential: c.essential,
    Since: c.since ?? '',
  };
}
