/**
 * What the README of a probe says about columns, metrics, parameters and hooks, made from the compiled object, so that
 * it cannot say anything else than the probe does.
 */
import { Btf, Elf } from '@skep/bpf';
import { describeObject, type ObjectDescription, outputOf, typeFormats } from '@skep/probe';
import type { Stream } from '../../packages/runtime/src/contract/stream.ts';
import { familiesOf } from '../../packages/runtime/src/prom/families.ts';
import { planStream } from '../../packages/runtime/src/streams/plan.ts';
import { fixture } from '../../test/support/fixtures.ts';

/** A probe of the catalogue, as its object describes it. */
export interface Reference {
  object: ObjectDescription;
  /** The `print_` maps. */
  rows: Stream[];
  metrics: { name: string; type: string; help: string; labels: readonly string[]; map: string }[];
}

/** @param probe folder name under probes/ */
export async function referenceOf(probe: string): Promise<Reference> {
  const bytes = await fixture(new URL(`../${probe}/${probe}.c`, import.meta.url));
  const object = describeObject(bytes, `${probe}.o`);
  const btf = Btf.fromElf(Elf.parse(bytes));
  const streams = object.maps
    .filter((map) => outputOf(map.name))
    .map((map, id) => {
      const place = {
        id,
        label: map.name,
        object: object.name,
        probe: object.name,
        btf,
        format: typeFormats,
      };
      return planStream(map, { ...place, lossKnown: true }).stream;
    });
  const metrics = familiesOf({ streams, probes: [object.name] }, false).map(
    ({ name, type, help, labels, stream }) => {
      return { name: type === 'counter' ? `${name}_total` : name, type, help, labels, map: stream.map };
    },
  );
  return { object, rows: streams.filter((s) => s.kind === 'print'), metrics };
}

/** The part of a probe's README between the two comments. */
export function referenceText({ object, rows, metrics }: Reference): string {
  const parts = rows.map((stream) =>
    [
      `### Rows of \`${stream.map}\``,
      `${sentence(stream.help ?? '')}`,
      table(
        ['column', 'type', ''],
        stream.fields.map((f) => [code(f.name), code(f.source?.typeName ?? ''), f.help ?? '']),
      ),
    ].join('\n\n'),
  );
  if (metrics.length > 0) {
    const lines = metrics.map((m) => [
      code(m.name),
      m.type,
      m.labels.map(code).join(', '),
      m.help,
      code(m.map),
    ]);
    parts.push(`### Metrics\n\n${table(['metric', 'type', 'labels', '', 'map'], lines)}`);
  }
  const params = object.params.map((p) => [code(p.name), code(p.type), code(p.defaultText), p.help ?? '']);
  parts.push(`### Parameters\n\n${table(['`--set`', 'type', 'default', ''], params)}`);
  const hooks = object.programs.map((p) => [code(p.section), code(p.name), rungOf(object, p.name)]);
  parts.push(`### Hooks\n\n${table(['hook', 'program', 'taken as'], hooks)}`);
  return parts.join('\n\n');
}

/** `state: 2, raw_tp`: the group, the place and the name of the rung. */
function rungOf({ hooks }: ObjectDescription, program: string): string {
  const places = hooks.flatMap((g) =>
    g.rungs.flatMap((r, i) => (r.programs.includes(program) ? [`${g.name}: ${i + 1}, ${r.name}`] : [])),
  );
  return places.join('; ');
}

/** Puts a text between the comments that stand for a part made from objects. */
export function withMade(document: string, made: string): string {
  return document.replace(/(<!-- made .*-->\n)[\s\S]*(<!-- end -->)/, `$1\n${made}\n\n$2`);
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}
