import type { Inventory } from '@skep/bpf';
import type { ProgramCost } from './rows.ts';

/** A program as JSON and templates see it: bytes, nanoseconds, percent of a processor, runs a second. */
export function programFields({ program: p, cpu, rate, memory }: ProgramCost) {
  return {
    Kind: 'program',
    ID: p.id,
    Type: p.type,
    Name: p.name,
    CPUPercent: cpu ?? null,
    RunsPerSecond: rate ?? null,
    RunTimeNs: Number(p.runTimeNs),
    RunCount: Number(p.runCount),
    MemoryBytes: p.memory ?? null,
    WithMapsBytes: memory,
    Maps: [...p.mapIds],
    Links: [...p.linkIds],
    Owners: owners(p.owners),
  };
}

/** Maps and links for the same use. */
export function otherFields(inventory: Inventory) {
  return [
    ...inventory.maps.map((m) => ({
      Kind: 'map',
      ID: m.id,
      Type: m.type,
      Name: m.name,
      KeyBytes: m.keySize,
      ValueBytes: m.valueSize,
      MaxEntries: m.maxEntries,
      MemoryBytes: m.memory ?? null,
      Programs: [...m.programIds],
      Owners: owners(m.owners),
    })),
    ...inventory.links.map((l) => ({
      Kind: 'link',
      ID: l.id,
      Type: l.type,
      Program: l.programId,
      Owners: owners(l.owners),
    })),
  ];
}

function owners(list: readonly { pid: number; comm: string }[]) {
  return list.map(({ pid, comm }) => ({ Pid: pid, Comm: comm }));
}
