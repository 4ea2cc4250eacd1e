import { type BpfLink, closeLinks } from '@skep/bpf';
import { RuntimeError } from '../errors.ts';
import { type Opened, optionalPrograms, sentence } from './open.ts';
import { targetsOf } from './targets.ts';

/**
 * Attaches every program of every object, or none: when one fails, the others are detached again.
 *
 * @throws BpfError of the program that failed, RuntimeError SKEP_NOTHING_TO_RUN when nothing was attached
 */
export async function attachAll(opened: readonly Opened[], notes: string[]): Promise<BpfLink[]> {
  const links: BpfLink[] = [];
  try {
    for (const o of opened) {
      const optional = new Set(optionalPrograms(o));
      for (const program of o.object.programs) {
        if (!program.autoload) continue;
        try {
          for (const options of targetsOf(o, program)) links.push(await program.attachAsync(options));
          if (program.type === 'iter')
            notes.push(`${program.name} never runs: an iterator runs when it is read, and a run reads maps`);
        } catch (error) {
          if (!optional.has(program.name)) throw error;
          notes.push(`${program.name} was left out: ${sentence(error)}`);
        }
      }
    }
    if (links.length === 0) throw nothingAttached(opened, notes);
  } catch (error) {
    await closeLinks(links);
    throw error;
  }
  return links;
}

function nothingAttached(opened: readonly Opened[], notes: readonly string[]): RuntimeError {
  const leftOut = notes.filter((note) => note.includes(' was left out: '));
  const marked = opened.some((o) => o.object.programs.some((p) => !p.autoload));
  return new RuntimeError(
    'SKEP_NOTHING_TO_RUN',
    [`${opened.map((o) => o.name).join(', ')}: no program was attached`, ...leftOut].join('; '),
    leftOut.length > 0
      ? 'This kernel lacks every hook that the probe offers: skep doctor says what it has.'
      : marked
        ? 'A section that begins with a question mark, SEC("?…"), keeps its program from being loaded.'
        : 'An object needs a program whose section names a hook, such as SEC("tracepoint/sched/sched_process_exec").',
  );
}
