import type { Inventory, LoadedProgram, Owner } from '@skep/bpf';
import { humanSize } from '../output/size.ts';
import { renderTable } from '../output/table.ts';

/** A program with what it did since the inventory before. */
export interface ProgramCost {
  readonly program: LoadedProgram;
  /** Share of one processor, in percent; undefined where there is nothing to compare with. */
  readonly cpu: number | undefined;
  /** Runs a second. */
  readonly rate: number | undefined;
  /** The program's own memory and that of its maps, in bytes; maps that several use count for each. */
  readonly memory: number;
}

/** Joins two inventories, `seconds` apart; a program that was not in the first one counts from 0. */
export function programCosts(now: Inventory, before?: Inventory, seconds = 0): ProgramCost[] {
  return now.programs.map((program) => {
    const memory = [program, ...now.maps.filter((m) => program.mapIds.includes(m.id))].reduce(
      (sum, { memory = 0 }) => sum + memory,
      0,
    );
    if (!before || seconds <= 0) return { program, cpu: undefined, rate: undefined, memory };
    const then = before.programs.find((p) => p.id === program.id);
    const ns = Number(program.runTimeNs - (then?.runTimeNs ?? 0n));
    const runs = Number(program.runCount - (then?.runCount ?? 0n));
    return { program, cpu: ns / seconds / 1e7, rate: runs / seconds, memory };
  });
}

/** `skep(812)`; of several processes the first, and how many more. */
export function ownerText(owners: readonly Owner[]): string {
  const [first, ...more] = owners;
  if (!first) return '-';
  return `${first.comm}(${first.pid})${more.length > 0 ? ` +${more.length}` : ''}`;
}

/** The table of `skep top`, costliest first. */
export function topTable(costs: readonly ProgramCost[]): string {
  const rows = costs
    .toSorted((a, b) => (b.cpu ?? 0) - (a.cpu ?? 0) || a.program.id - b.program.id)
    .map(({ program: p, cpu = 0, rate = 0, memory }) => [
      `${p.id}`,
      p.type,
      p.name || '-',
      `${cpu.toFixed(2)}%`,
      rate.toFixed(0),
      average(p),
      humanSize(memory),
      ownerText(p.owners),
    ]);
  return renderTable(['ID', 'TYPE', 'NAME', 'CPU', 'RUNS/S', 'AVG', 'MEMORY', 'OWNER'], rows);
}

/** The tables of `skep doctor --all`. */
export function inventoryText(inventory: Inventory): string {
  const programs = programCosts(inventory).map(({ program: p }) => [
    `${p.id}`,
    p.type,
    p.name || '-',
    p.runCount === 0n ? '-' : `${p.runCount}`,
    average(p),
    size(p.memory),
    idList(p.mapIds),
    ownerText(p.owners),
  ]);
  const maps = inventory.maps.map((m) => [
    `${m.id}`,
    m.type,
    m.name || '-',
    `${m.keySize}/${m.valueSize}`,
    `${m.maxEntries}`,
    size(m.memory),
    ownerText(m.owners),
  ]);
  const links = inventory.links.map((l) => [`${l.id}`, l.type, `${l.programId}`, ownerText(l.owners)]);
  return [
    section('Programs', ['ID', 'TYPE', 'NAME', 'RUNS', 'AVG', 'MEMORY', 'MAPS', 'OWNER'], programs),
    section('Maps', ['ID', 'TYPE', 'NAME', 'KEY/VALUE', 'ENTRIES', 'MEMORY', 'OWNER'], maps),
    section('Links', ['ID', 'TYPE', 'PROGRAM', 'OWNER'], links),
  ].join('\n');
}

function section(title: string, header: string[], rows: string[][]): string {
  return rows.length === 0 ? `${title}: none\n` : `${title}: ${rows.length}\n${renderTable(header, rows)}`;
}

/** Nanoseconds a run. */
function average(p: LoadedProgram): string {
  return p.runCount === 0n ? '-' : `${p.runTimeNs / p.runCount}ns`;
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? '-' : humanSize(bytes);
}

function idList(ids: readonly number[]): string {
  if (ids.length === 0) return '-';
  return ids.length > 3 ? `${ids.slice(0, 3).join(',')},…` : ids.join(',');
}
