import { type Btf, compileDecoder, type DecodeOptions, type Decoder } from '@skep/bpf';
import type { Field, StreamKind } from '../contract/stream.ts';
import { RuntimeError } from '../errors.ts';
import { latencyBounds } from '../series/latency-slots.ts';
import { DEFAULT_BUCKETS } from './flags.ts';
import { log2Bounds, type MapHistogram, planMapHistogram } from './map-histogram.ts';
import { isArray, isPerCpu, sourceOf, splitPrefix } from './prefix.ts';
import { namedColumn, recordRoles, valueColumns, visible } from './roles.ts';
import { planStacks, type StackMapFacts, stackField } from './stack-columns.ts';
import { columnField, StreamInfo, type StreamInit, uniqueNames, valueUnit } from './stream.ts';
import { tagsOf, unitInName } from './tags.ts';

/** What is known of a map before anything is loaded; `BpfMap` fits. */
export interface MapFacts {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

export interface PlanContext {
  id: number;
  /** How it is shown and what it is called, where its prefix does not say so. */
  shown?: { readonly kind: StreamKind; readonly name: string };
  /** The struct that a buffer's records are, where somebody said it. */
  record?: string;
  /** Unique name to show. */
  label: string;
  object: string;
  /** The probe it is of. */
  probe: string;
  btf: Btf;
  format?: DecodeOptions['format'];
  /** Bounds that were asked for. */
  buckets?: readonly number[];
  valueKey?: string;
  lossKnown: boolean;
  /** The object's maps, of which some may hold stacks. */
  maps?: readonly StackMapFacts[];
  /** Gets what the user should know. */
  notes?: string[];
}

/** A print_ ring: every record is handed out. */
export interface RecordPlan {
  readonly mode: 'records';
  readonly stream: StreamInfo;
  readonly decoder: Decoder;
}

/** A counter_, gauge_ or hist_ ring: records are folded into series. Numbers index the decoder's columns. */
export interface FoldPlan {
  readonly mode: 'fold';
  readonly stream: StreamInfo;
  readonly decoder: Decoder;
  readonly labels: readonly number[];
  readonly values: readonly number[];
  readonly bounds: readonly number[];
}

/** A hash or array that is polled. */
export interface MapPlan {
  readonly mode: 'map';
  readonly stream: StreamInfo;
  readonly decoder: Decoder;
  readonly valueDecoder: Decoder;
  /** Columns of the key that are labels. */
  readonly labels: readonly number[];
  /** Columns of the value that are numbers; for print_ all that are visible. */
  readonly values: readonly number[];
  readonly histogram?: MapHistogram;
  readonly bounds: readonly number[];
  readonly perCpu: boolean;
  /** Entries that never held anything but zeros are no rows. */
  readonly skipZero: boolean;
}

export type StreamPlan = RecordPlan | FoldPlan | MapPlan;

/**
 * Decides what a map yields, from its BTF alone.
 *
 * @throws RuntimeError SKEP_SHOW_INVALID for a struct that is not there, SKEP_STREAM_INVALID when its types cannot give what the prefix promises, SKEP_HIST_INVALID
 *   when the value key names no number
 */
export function planStream(map: MapFacts, ctx: PlanContext): StreamPlan {
  const { kind, name } = ctx.shown ?? splitPrefix(map.name)!;
  const source = sourceOf(map.type)!;
  const tags = tagsOf(ctx.btf, map.name, 'var');
  const common = {
    map: ctx.label,
    name,
    object: ctx.object,
    probe: ctx.probe,
    mapType: map.type,
    kind,
    source,
    help: tags.help,
    unit: tags.unit ?? unitInName(name),
    lossKnown: ctx.lossKnown,
  };
  return source === 'map' ? planMap(map, common, ctx) : planRecords(map, common, ctx);
}

/** What was said of a buffer's records goes before what its declaration says. */
function recordType(map: MapFacts, { record, btf, object }: PlanContext): number {
  if (record === undefined) return map.valueTypeId;
  const type = btf.find(record, 'struct') ?? btf.find(record, 'typedef');
  if (type) return type.id;
  throw new RuntimeError(
    'SKEP_SHOW_INVALID',
    `show "${map.name}:${record}": ${object} has no struct ${record}`,
    `Name the struct that its programs write there. Compilers leave out what only functions use: struct ${record} *unused; in the source keeps it.`,
  );
}

type Common = Omit<StreamInit, 'yields' | 'fields' | 'decoder'>;

function planRecords(map: MapFacts, common: Common, ctx: PlanContext): StreamPlan {
  const decoder = decoderOf(map, 'value', recordType(map, ctx), ctx);
  const columns = decoder.columns;
  const stacks = planStacks(map.name, columns, ctx.maps ?? [], ctx.notes ?? []);
  if (common.kind === 'print') {
    const fields = uniqueNames(visible(columns).map((i) => columnField(columns, i, 'field')));
    return {
      mode: 'records',
      decoder,
      stream: new StreamInfo(ctx.id, { ...common, yields: 'records', fields, decoder, stacks }),
    };
  }
  const { labels, values } = recordRoles(map.name, common.kind, columns, ctx.valueKey);
  if (common.kind === 'hist') common.unit ??= valueUnit(columns[values[0]!]!);
  const fields = [
    ...labels.map((i) => columnField(columns, i, 'label')),
    ...valueFields(common.kind, columns, values),
  ];
  const stream = new StreamInfo(ctx.id, {
    ...common,
    yields: 'series',
    fields: uniqueNames(fields),
    decoder,
    stacks,
  });
  return { mode: 'fold', stream, decoder, labels, values, bounds: ctx.buckets ?? DEFAULT_BUCKETS };
}

function planMap(map: MapFacts, common: Common, ctx: PlanContext): MapPlan {
  const decoder = decoderOf(map, 'key', map.keyTypeId || indexType(map, ctx.btf), ctx);
  const valueDecoder = decoderOf(map, 'value', map.valueTypeId, ctx);
  const lone = isArray(map.type) && map.maxEntries === 1;
  const scalarKey = decoder.columns.length === 1 && decoder.columns[0]!.name === 'value';
  let histogram: MapHistogram | undefined;
  let values: readonly number[];
  let labels = lone ? [] : visible(decoder.columns);
  if (common.kind === 'hist') {
    const key = ctx.valueKey;
    const inKey = key !== undefined && decoder.columns.some((c) => c.name === key);
    if (key !== undefined && !inKey)
      namedColumn(map.name, valueDecoder.columns, key, lone ? [] : decoder.columns);
    histogram = planMapHistogram(map, decoder.columns, valueDecoder.columns, {
      keyColumn: inKey ? key : undefined,
      valueColumn: inKey ? undefined : key,
      slotKey: scalarKey && isArray(map.type) && !lone,
      slots: tagsOf(ctx.btf, map.name, 'var').slots,
    });
    values = [histogram.value];
    labels = labels.filter((i) => i !== histogram!.keyColumn);
    if (histogram.form === 'value_key') common.unit ??= valueUnit(decoder.columns[histogram.keyColumn!]!);
    if (histogram.form === 'sampled') common.unit ??= valueUnit(valueDecoder.columns[histogram.value]!);
  } else
    values =
      common.kind === 'print' ? visible(valueDecoder.columns) : valueColumns(map.name, valueDecoder.columns);
  const valueStacks =
    common.kind === 'print'
      ? planStacks(map.name, valueDecoder.columns, ctx.maps ?? [], ctx.notes ?? [])
      : [];
  const fields = [
    ...labels.map((i) => columnField(decoder.columns, i, 'label', scalarKey ? 'key' : undefined)),
    ...valueFields(common.kind, valueDecoder.columns, values).map((field) =>
      valueStacks.some((s) => s.column === field.column) ? stackField(field) : field,
    ),
  ];
  return {
    mode: 'map',
    stream: new StreamInfo(ctx.id, {
      ...common,
      yields: 'series',
      fields: uniqueNames(fields),
      decoder,
      hasSum: !histogram?.slots || histogram.sum !== undefined,
      stacks: planStacks(map.name, decoder.columns, ctx.maps ?? [], ctx.notes ?? []),
      valueStacks,
    }),
    decoder,
    valueDecoder,
    labels,
    values,
    histogram,
    bounds: boundsOf(map, histogram, ctx.buckets),
    perCpu: isPerCpu(map.type),
    skipZero: isArray(map.type) && !lone,
  };
}

/** Slots have their bounds already; to ask for others is an error, not a wish to pass over. */
function boundsOf(
  map: MapFacts,
  histogram: MapHistogram | undefined,
  wanted: readonly number[] | undefined,
): readonly number[] {
  if (!histogram?.slots) return wanted ?? DEFAULT_BUCKETS;
  if (wanted === undefined) return histogram.latency ? latencyBounds : log2Bounds(histogram.slots);
  throw new RuntimeError(
    'SKEP_HIST_INVALID',
    `hist buckets "${map.name}": the probe counts it in ${histogram.slots} slots of ${histogram.latency ? 'its own' : 'powers of two'}`,
    'Leave the bounds out, or let the probe hand over the values themselves.',
  );
}

/** What the numbers of a series are called: `count` for a histogram, `value` for a lone number, else the member. */
function valueFields(kind: StreamKind, columns: Decoder['columns'], values: readonly number[]): Field[] {
  if (kind === 'hist') return [{ name: 'count', role: 'value', numeric: true }];
  if (values.length === 0) return [{ name: 'value', role: 'value', numeric: true }];
  return values.map((i) =>
    columnField(columns, i, 'value', values.length === 1 && kind !== 'print' ? 'value' : undefined),
  );
}

/** An array may leave its key's type out: that is its index. A definition in BTF has numbers of type int. */
function indexType({ type, keySize }: MapFacts, btf: Btf): number {
  return isArray(type) && keySize === 4 ? (btf.find('int', 'int')?.id ?? 0) : 0;
}

function decoderOf(map: MapFacts, part: 'key' | 'value', typeId: number, ctx: PlanContext): Decoder {
  if (typeId === 0) {
    throw new RuntimeError(
      'SKEP_STREAM_INVALID',
      `${ctx.object}: map "${map.name}" does not say what its ${part} is`,
      part === 'value' && sourceOf(map.type) !== 'map'
        ? `Declare it with __type(value, struct …) inside the map's definition, or say --show ${map.name}:STRUCT.`
        : `Declare it with __type(${part}, struct …) inside the map's definition.`,
    );
  }
  return compileDecoder(ctx.btf, typeId, { format: ctx.format });
}
