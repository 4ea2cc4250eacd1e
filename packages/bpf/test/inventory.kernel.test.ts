// All BPF of a machine, compared with bpftool, of which only what this test loaded counts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BpfMap, enableStats, takeInventory } from '../src/index.ts';
import { callGetpriority, openSource } from './support/kernel.ts';

interface Shown {
  id: number;
  type: string;
  name?: string;
  run_time_ns?: number;
  run_cnt?: number;
  bytes_memlock?: number;
  map_ids?: number[];
  prog_id?: number;
  pids?: { pid: number; comm: string }[];
}

function bpftool(what: 'prog' | 'map' | 'link'): Shown[] {
  return JSON.parse(
    execFileSync('bpftool', ['-j', what, 'show'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
}

const source = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 77); __type(key, int); __type(value, long long); } inv_map SEC(".maps");
SEC("raw_tp/sys_enter") int inv_program(void *ctx) {
  int key = 0; long long one = 1;
  bpf_map_update_elem(&inv_map, &key, &one, 0);
  return 0;
}`;

test('programs, maps and links are those that bpftool shows, with their owner, cost and memory', async () => {
  using object = openSource(source, 'inventory');
  await object.load();
  using link = object.program('inv_program').attach();
  assert.ok(link);
  using stats = enableStats();
  assert.ok(stats);
  callGetpriority(100);
  const { programs, maps, links } = takeInventory();

  const id = object.program('inv_program').info().id;
  const program = programs.find((p) => p.id === id);
  const shown = bpftool('prog').find((p) => p.id === id);
  assert.ok(program && shown);
  assert.deepEqual(
    [program.type, program.name, program.memory, program.mapIds],
    [shown.type, shown.name, shown.bytes_memlock, shown.map_ids],
  );
  assert.ok(program.runCount >= 100n, `${program.runCount}`);
  assert.ok(BigInt(shown.run_cnt ?? 0) >= program.runCount);
  assert.ok(program.runTimeNs > 0n && BigInt(shown.run_time_ns ?? 0) >= program.runTimeNs);
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  assert.ok(Math.abs(uptime - Number(program.loadTimeNs) / 1e9) < 60);

  const map = maps.find((m) => m.id === program.mapIds[0]);
  const shownMap = bpftool('map').find((m) => m.id === map?.id);
  assert.ok(map);
  assert.deepEqual(
    [map.type, map.name, map.memory],
    [shownMap?.type, shownMap?.name, shownMap?.bytes_memlock],
  );
  assert.deepEqual([map.keySize, map.valueSize, map.maxEntries, map.programIds], [4, 8, 77, [id]]);

  const linked = links.find((l) => l.programId === id);
  assert.ok(linked);
  const shownLink = bpftool('link').find((l) => l.id === linked.id);
  assert.deepEqual([linked.type, linked.programId], [shownLink?.type, shownLink?.prog_id]);
  assert.deepEqual(program.linkIds, [linked.id]);

  const comm = readFileSync('/proc/self/comm', 'utf8').trimEnd();
  for (const owned of [program, map, linked]) assert.deepEqual(owned.owners, [{ pid: process.pid, comm }]);
});

test('what is closed is gone from the list', () => {
  const map = BpfMap.create({ type: 'array', name: 'inv_gone', keySize: 4, valueSize: 4, maxEntries: 1 });
  const there = () => takeInventory().maps.some((m) => m.name === 'inv_gone');
  assert.equal(there(), true);
  map.close();
  assert.equal(there(), false);
});
