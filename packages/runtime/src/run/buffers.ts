import { probeMapType } from '@skep/bpf';
import { RuntimeError } from '../errors.ts';
import type { Opened } from './open.ts';

/** What an object's streams of events run over, and how many bytes each was declared with. */
export interface Buffers {
  readonly kind: 'ring' | 'perf';
  readonly bytes: ReadonlyMap<string, number>;
}

/**
 * Streams that skep.h's SKEP_EVENTS declared are ring buffers in the object, and perf buffers where the kernel has no
 * ring buffers or `want` says so. A constant of the object tells the programs which; the verifier drops the other half.
 *
 * @throws RuntimeError SKEP_NO_BUFFER_CHOICE when a kind is asked for and no stream has the choice
 */
export function chooseBuffers(opened: readonly Opened[], want: 'ring' | 'perf' | undefined): void {
  const found = opened.map(eventStreams);
  if (found.every((streams) => streams.length === 0)) {
    if (want === undefined) return;
    throw new RuntimeError(
      'SKEP_NO_BUFFER_CHOICE',
      `${opened.map((o) => o.name).join(', ')}: no stream can use either kind of buffer`,
      'Leave out --buffer, or declare the stream with SKEP_EVENTS of skep.h.',
    );
  }
  const kind = want ?? (probeMapType('ringbuf').available === false ? 'perf' : 'ring');
  opened.forEach((o, i) => {
    const { object } = o;
    o.buffers = { kind, bytes: new Map(found[i]!.map((name) => [name, object.map(name).maxEntries])) };
    setBuffers(o);
  });
}

/** Brings a newly opened object to what was chosen. */
export function setBuffers({ object, buffers }: Pick<Opened, 'object' | 'buffers'>): void {
  for (const name of buffers?.bytes.keys() ?? []) {
    const scratch = object.maps.find((m) => m.name === scratchOf(name));
    if (buffers!.kind === 'ring') scratch?.leaveOut();
    else {
      object.map(name).becomePerfBuffer();
      object.setGlobal(switchOf(name), Uint8Array.of(1));
    }
  }
}

function eventStreams({ object }: Opened): string[] {
  const globals = new Set(object.globals.map((g) => g.name));
  return object.maps.filter((m) => m.type === 'ringbuf' && globals.has(switchOf(m.name))).map((m) => m.name);
}

/** The names that skep.h's SKEP_EVENTS gives. */
const switchOf = (map: string): string => `__${map}_perf`;
const scratchOf = (map: string): string => `scratch_${map}`;
