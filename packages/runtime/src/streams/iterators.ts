import { type BpfProgram, type Btf, compileDecoder } from '@skep/bpf';
import { helpersCalled, typeFormats } from '@skep/probe';
import type { Opened } from '../run/open.ts';
import { blaming, distinct } from '../run/probes.ts';
import { LineStream } from './line-stream.ts';
import { columnField, StreamInfo, uniqueNames } from './stream.ts';
import { readTags, tagsOf } from './tags.ts';

const SEQ_PRINTF = 126;
const SEQ_WRITE = 127;
const SEQ_PRINTF_BTF = 150;

/** An iterator program, and what becomes of what it writes. */
export interface PlannedIterator {
  readonly opened: Opened;
  readonly program: string;
  /** Absent for one that writes nothing: it is run for the maps that it fills. */
  readonly stream?: StreamInfo;
  /** Bytes of a row; absent where lines are written. */
  readonly rowSize?: number;
}

/**
 * Plans what is shown of iterator programs: rows of the type that SKEP_ROWS declares, or lines of text.
 *
 * @param firstId of their streams, which come after those of the maps
 */
export function planIterators(
  opened: readonly Opened[],
  firstId: number,
  notes: string[],
): PlannedIterator[] {
  const planned: PlannedIterator[] = [];
  let id = firstId;
  for (const o of opened) {
    for (const program of o.object.programs) {
      if (program.type !== 'iter' || !program.autoload) continue;
      const label = distinct(program.name, o, opened, (p) =>
        p.object.programs.some((q) => q.name === program.name && q.type === 'iter' && q.autoload),
      );
      const plan = blaming(o, () => planIterator(o, program, label, id, notes));
      if (plan.stream) id++;
      planned.push(plan);
    }
  }
  return planned;
}

function planIterator(
  opened: Opened,
  program: BpfProgram,
  label: string,
  id: number,
  notes: string[],
): PlannedIterator {
  const { btf, elf } = opened.object;
  const common = {
    map: label,
    name: program.name,
    object: opened.name,
    probe: opened.probe,
    mapType: program.section.replace(/^\?/, ''),
    kind: 'print',
    source: 'iter',
    yields: 'records',
    help: tagsOf(btf, program.name, 'func').help,
    lossKnown: true,
  } as const;
  const row = rowType(btf, program.name);
  if (row !== undefined) {
    const decoder = compileDecoder(btf, row, { format: typeFormats });
    const { columns } = decoder;
    const shown = columns.map((_, i) => i).filter((i) => !readTags(columns[i]!.tags).private);
    const fields = uniqueNames(shown.map((i) => columnField(columns, i, 'field')));
    const stream = new StreamInfo(id, { ...common, fields, decoder });
    return { opened, program: program.name, stream, rowSize: decoder.size };
  }
  const helpers = helpersCalled(elf, program.name);
  if (helpers.has(SEQ_PRINTF) || helpers.has(SEQ_PRINTF_BTF))
    return { opened, program: program.name, stream: new LineStream(id, common) };
  if (helpers.has(SEQ_WRITE))
    notes.push(
      `what ${program.name} writes is not shown, as its type is not known: SKEP_ROWS(${program.name}, struct …) declares it`,
    );
  return { opened, program: program.name };
}

/** The type behind `struct row *skep_rows_PROGRAM`. */
function rowType(btf: Btf, program: string): number | undefined {
  const variable = btf.find(`skep_rows_${program}`, 'var');
  if (variable?.kind !== 'var') return undefined;
  const pointer = btf.type(variable.type);
  return pointer.kind === 'ptr' ? pointer.type : undefined;
}
