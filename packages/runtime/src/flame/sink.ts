import { accessSync, constants, lstatSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Decoder, RecordView } from '@skep/bpf';
import type { Run } from '../contract/run.ts';
import type { Series } from '../contract/series.ts';
import type { Sink } from '../contract/sink.ts';
import type { RunSummary } from '../contract/stats.ts';
import type { Stack, Stream } from '../contract/stream.ts';
import { listed, RuntimeError } from '../errors.ts';
import { foldedText } from './folded.ts';
import { flameSvg } from './svg.ts';
import { FlameTree, type Step } from './tree.ts';

export interface FlameSinkOptions {
  /** The picture's file. */
  svg?: string;
  /** The file of folded stacks, or a function that takes them. */
  folded?: string | ((text: string) => void);
  /** The map to draw; the first counter with stacks unless said, else the first map with any. */
  map?: string;
}

/** Different stacks of records that are kept; further ones count as one box. */
const MAX_STACKS = 50_000;

/** A stack with what it belongs to, and how often it came. */
interface Counted {
  readonly stacks: readonly Stack[];
  readonly process: string | undefined;
  value: number;
}

/**
 * Draws a map whose keys or records have stacks, at the end of the run: a flame graph as SVG, or folded stacks. The
 * files appear whole or not at all.
 *
 * ```ts
 * await startRun({ name: 'profile', objects, sinks: [new FlameSink({ svg: 'cpu.svg' })] });
 * ```
 */
export class FlameSink implements Sink {
  readonly name = 'flame';
  readonly #options: FlameSinkOptions;
  readonly #records = new Map<string, Counted>();
  #run: Run | undefined;
  #stream: Stream | undefined;
  #weight: ReturnType<Decoder['column']> | undefined;
  #process: number | undefined;
  /** Records whose stack found no place. */
  #others = 0;

  constructor(options: FlameSinkOptions) {
    this.#options = options;
  }

  prepare(): void {
    for (const file of [this.#options.svg, this.#options.folded]) {
      if (typeof file !== 'string') continue;
      // Now, not when all that was counted is to be written.
      if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
        throw new RuntimeError(
          'SKEP_FLAME',
          `${file} cannot be written: it is a folder`,
          'Name a file in it.',
        );
      try {
        accessSync(dirname(file), constants.W_OK);
      } catch (cause) {
        throw new RuntimeError(
          'SKEP_FLAME',
          `${file} cannot be written: its folder is not there, or not ours to write to`,
          'Name a file in a folder that exists.',
          cause,
        );
      }
    }
  }

  start(run: Run): void {
    this.#run = run;
    const stream = this.#choose(run);
    this.#stream = stream;
    this.#process = stream.fields.findIndex((f) => f.name === 'comm' || f.name.endsWith('.comm'));
    const value = stream.columns.findIndex((c) => c.tags.includes('skep:value'));
    if (stream.yields === 'records' && value >= 0) this.#weight = stream.decoder!.column(value);
  }

  record(stream: Stream, view: RecordView, offset: number): void {
    if (stream !== this.#stream) return;
    const value = this.#weight ? Number(this.#weight(view, offset)) : 1;
    const process = this.#process! < 0 ? undefined : stream.text(this.#process!, view, offset);
    const id = `${process}\0${stream.stackIdentity(view, offset)}`;
    const known = this.#records.get(id);
    if (known) known.value += value;
    else if (this.#records.size < MAX_STACKS)
      this.#records.set(id, { stacks: stream.stacks(view, offset), process, value });
    else this.#others += value;
  }

  stop(summary: RunSummary): void {
    if (!this.#run || !this.#stream) return;
    const { svg, folded } = this.#options;
    const tree = this.#tree(this.#run, this.#stream);
    if (svg !== undefined) writeWhole(svg, flameSvg(tree, this.#text(summary, tree)));
    if (typeof folded === 'string') writeWhole(folded, foldedText(tree));
    else folded?.(foldedText(tree));
  }

  #choose(run: Run): Stream {
    const { map } = this.#options;
    const drawn = run.streams.filter((s) => s.stackColumns.length > 0);
    const chosen =
      map === undefined
        ? (drawn.find((s) => s.kind === 'counter') ?? drawn[0])
        : drawn.find((s) => s.map === map);
    if (chosen) return chosen;
    const sentence =
      map === undefined
        ? `${run.name} has no map whose key or records have stacks, so there is nothing to draw`
        : `${run.name} has no map "${map}" with stacks`;
    const hint =
      drawn.length > 0
        ? `Maps with stacks: ${listed(drawn.map((s) => s.map))}.`
        : 'A counter_ map with kernel_stack_id_t or user_stack_id_t in its key is drawn; skep run profile --flame cpu.svg has one.';
    throw new RuntimeError('SKEP_FLAME', sentence, hint);
  }

  #tree(run: Run, stream: Stream): FlameTree {
    const tree = new FlameTree(run.name);
    if (stream.yields === 'records') {
      for (const { stacks, process, value } of this.#records.values())
        tree.add(steps(stacks, process), value);
      tree.add([{ name: '[other stacks]', kind: 'unknown' }], this.#others);
      return tree;
    }
    for (const series of run.series.of(stream)) {
      if (series.overflow)
        tree.add([{ name: '[above --max-series]', kind: 'unknown' }], Number(series.value));
      else if (series.shown) tree.add(steps(series.stacks, this.#processOf(series)), Number(series.value));
    }
    return tree;
  }

  #processOf(series: Series): string | undefined {
    return this.#process! < 0 ? undefined : series.labels[this.#process!]?.[1];
  }

  #text(summary: RunSummary, tree: FlameTree) {
    const { unit = 'events', help, map } = this.#stream!;
    const seconds = (summary.elapsedMs / 1000).toFixed(1);
    const lost = summary.lost.reduce((sum, l) => sum + l.count, 0);
    const parts = [help ?? map, `${summary.startedAt.toISOString().slice(0, 19)}Z`, `${seconds} s`];
    if (lost > 0) parts.push(`${lost} lost`);
    if (tree.cut > 0) parts.push(`${tree.cut} ${unit} cut short`);
    return { title: this.#run!.name, subtitle: parts.join(' · '), unit };
  }
}

/** Process, then the user's frames, then the kernel's, each from the outermost in. */
function steps(stacks: readonly Stack[], process: string | undefined): Step[] {
  const out: Step[] = process === undefined ? [] : [{ name: process, kind: 'process' }];
  for (const side of ['user', 'kernel'] as const) {
    for (const stack of stacks) {
      if (stack.side !== side) continue;
      if (stack.missing === 'lost') out.push({ name: '[lost]', kind: 'unknown' });
      stack.frames.toReversed().forEach((frame, i) => {
        const name = stack.names[stack.names.length - 1 - i]!;
        const kind = frame.name === undefined ? 'unknown' : frame.kind;
        out.push({ name, kind, module: frame.name === undefined ? undefined : frame.module });
      });
    }
  }
  return out;
}

/** A file is there whole, or as it was before. A device or a pipe is written into: in its place, a file would be in its way. */
function writeWhole(path: string, text: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile()) {
    writeFileSync(path, text);
    return;
  }
  const part = `${path}.${process.pid}.part`;
  try {
    writeFileSync(part, text);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
