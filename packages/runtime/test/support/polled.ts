import assert from 'node:assert/strict';
import { Btf, Elf } from '@skep/bpf';
import { Registry } from '../../src/series/registry.ts';
import { Rows } from '../../src/series/rows.ts';
import { Poll, type PolledMap } from '../../src/sources/poll.ts';
import { type MapPlan, planStream } from '../../src/streams/plan.ts';
import { build } from './probe.ts';

/** Types for {@link polled}: keys of a u8 and a u32 with padding between, values of a u64. */
export async function pollTypes(): Promise<Btf> {
  return Btf.fromElf(
    Elf.parse(
      await build(`
struct poll_key { __u8 a; __u32 b; };
SKEP_HASH(counter_x, struct poll_key, __u64, 64);
SEC("tp/syscalls/sys_enter_getpgid") int calls(void *ctx)
{
	struct poll_key key = {};
	return bpf_map_lookup_elem(&counter_x, &key) != 0;
}`),
    ),
  );
}

/** What {@link polled} takes after the map. */
export type PolledArgs = [maxSeries?: number, name?: string, onError?: (error: unknown) => unknown];

/** A poll of a map of the types of {@link pollTypes}, without a run around it. */
export function polled(
  btf: Btf,
  map: PolledMap,
  ...[maxSeries = 100, name = 'counter_x', onError = (error) => assert.fail(String(error))]: PolledArgs
) {
  const facts = {
    name,
    type: 'hash',
    keySize: 8,
    valueSize: 8,
    maxEntries: 64,
    keyTypeId: btf.find('poll_key', 'struct')!.id,
    valueTypeId: btf.find('__u64', 'typedef')!.id,
  };
  const context = { id: 0, label: name, object: 'x.o', probe: 'x', btf, buckets: [], lossKnown: true };
  const plan = planStream(facts, context) as MapPlan;
  const registry = new Registry();
  const rows = new Rows(plan.stream, {
    decoder: plan.decoder,
    labels: plan.labels,
    maxSeries,
    clock: registry,
    nextId: registry.nextId,
  });
  registry.add(rows, new Poll({ plan, map, rows, cpus: 1, clock: registry, onError }));
  /** The rows as they are: label texts to value. */
  const shown = (): Record<string, unknown> =>
    Object.fromEntries([...rows].map((r) => [r.labels.map(([, t]) => t).join(), r.value]));
  return { registry, rows, shown };
}
