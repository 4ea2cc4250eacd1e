import { EventEmitter } from 'node:events';
import type { RecordView } from '@skep/bpf';
import xterm from '@xterm/headless';
import type { Run } from '../src/contract/run.ts';
import type { HistogramState, Series, SeriesRegistry } from '../src/contract/series.ts';
import type { ProgramStats, RunStats, RunSummary } from '../src/contract/stats.ts';
import type { Field, Stream, StreamKind } from '../src/contract/stream.ts';
import { TerminalView, type TerminalViewOptions } from '../src/view/index.ts';

/** Bytes of one record of the `print_` stream: u32 pid, u32 code, u64 latency, char comm[32]. */
export const RECORD_SIZE = 48;
const COMM_AT = 16;

/** How often rows were decoded: what the performance guards look at. */
export interface DecodeCounts {
  text: number;
  read: number;
}

function textOf(i: number, { u8, dv }: RecordView, at: number): string {
  if (i === 3) {
    const bytes = u8.subarray(at + COMM_AT, at + RECORD_SIZE);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }
  return String(i === 2 ? dv.getBigUint64(at + 8, true) : dv.getUint32(at + i * 4, true));
}

/** A stream of a fake run. The runtime that makes real ones has tests of its own. */
export function printStream(id: number, map = 'print_events'): { stream: Stream; decoded: DecodeCounts } {
  const decoded: DecodeCounts = { text: 0, read: 0 };
  const fields: Field[] = [
    { name: 'pid', role: 'field', numeric: true },
    { name: 'code', role: 'field', numeric: true },
    { name: 'latency', role: 'field', numeric: true, unit: 'us' },
    { name: 'comm', role: 'field', numeric: false },
  ];
  const stream: Stream = {
    ...base(id, map, 'print'),
    mapType: 'ringbuf',
    source: 'ring',
    yields: 'records',
    fields,
    text: (i, view, at) => {
      decoded.text++;
      return textOf(i, view, at);
    },
    read: (i, view, at) => {
      decoded.read++;
      return i === 3 ? textOf(i, view, at) : Number(textOf(i, view, at));
    },
  };
  return { stream, decoded };
}

function base(id: number, map: string, kind: StreamKind) {
  return {
    id,
    map,
    name: map.slice(map.indexOf('_') + 1),
    object: 'fake',
    probe: 'oomkill:latest',
    kind,
    columns: [],
    lossKnown: true,
    stackColumns: [],
    stacks: () => [],
    stackIdentity: () => '',
    json: () => '{}',
    jsonInto: () => -1,
  };
}

/** A stream whose rows are series with a `comm` label. */
export function seriesStream(id: number, map: string, kind: StreamKind, unit?: string): Stream {
  return {
    ...base(id, map, kind),
    unit,
    mapType: 'hash',
    source: 'map',
    yields: 'series',
    fields: [
      { name: 'comm', role: 'label', numeric: false },
      { name: 'value', role: 'value', numeric: true },
    ],
    text: () => '',
    read: () => null,
  };
}

/** A series that a test changes in place, as the runtime does. */
export class FakeSeries implements Series {
  readonly id: number;
  readonly stream: Stream;
  readonly labels: readonly (readonly [string, string])[];
  readonly data: Record<string, string>;
  readonly overflow = false;
  readonly shown = true;
  readonly stacks = [];
  changedAt = 0;
  value: number;
  histogram?: HistogramState;

  constructor(id: number, stream: Stream, comm: string, value: number, histogram?: HistogramState) {
    this.id = id;
    this.stream = stream;
    this.labels = [['comm', comm]];
    this.data = { comm };
    this.value = value;
    this.histogram = histogram;
  }

  get values(): readonly number[] {
    return [this.value];
  }

  text(i: number): string {
    return i === 0 ? this.labels[0]![1] : String(this.value);
  }
}

/** A run whose numbers the test sets. */
export class FakeRun implements Run {
  name = 'oomkill:latest';
  readonly probes = ['oomkill:latest'];
  readonly intervalMs = 1000;
  readonly streams: readonly Stream[];
  readonly all: FakeSeries[] = [];
  readonly started = Date.now();
  /** What `stats()` gives, over the defaults. */
  over: Partial<RunStats> = {};
  programs: ProgramStats[] = [
    {
      name: 'on_kill',
      object: 'fake',
      section: 'tracepoint/oom/mark_victim',
      also: [],
      runs: 0n,
      runTimeNs: 0n,
    },
  ];
  readonly closed: Promise<RunSummary> = new Promise(() => {});
  readonly series: SeriesRegistry;

  constructor(streams: readonly Stream[]) {
    this.streams = streams;
    const { all } = this;
    this.series = {
      get size() {
        return all.length;
      },
      tick: 0,
      of: (stream) => all.filter((s) => s.stream === stream),
      count: (stream) => all.filter((s) => s.stream === stream).length,
      refresh: () => Promise.resolve(),
      [Symbol.iterator]: () => all[Symbol.iterator](),
    };
  }

  map(name: string): never {
    throw new Error(`a fake has no map ${name}`);
  }

  stats(): RunStats {
    return {
      probes: [{ name: this.name, objects: ['fake'], maps: this.streams.map((s) => s.map) }],
      startedAt: new Date(this.started),
      elapsedMs: Date.now() - this.started,
      events: {},
      filtered: {},
      lost: [],
      lossUnknown: [],
      exports: [],
      foundFull: {},
      missed: [],
      evictionsUnknown: [],
      missesUnknown: [],
      programs: this.programs,
      hooks: [],
      programStats: true,
      decodeErrors: 0,
      series: this.all.length,
      ownCpuUs: 0,
      notes: [],
      ...this.over,
    };
  }

  readNow(): void {}

  countLost(): void {}

  stop(): Promise<RunSummary> {
    return this.closed;
  }
}

/** A record as it lies in a ring buffer. */
export function record(pid: number, code: number, latency: number, comm: string): RecordView {
  const u8 = new Uint8Array(RECORD_SIZE);
  const dv = new DataView(u8.buffer);
  dv.setUint32(0, pid, true);
  dv.setUint32(4, code, true);
  dv.setBigUint64(8, BigInt(latency), true);
  u8.set(new TextEncoder().encode(comm).subarray(0, RECORD_SIZE - COMM_AT), COMM_AT);
  return { u8, dv };
}

/** Keys: bytes as a terminal sends them. */
export class FakeInput extends EventEmitter {
  raw = false;
  setRawMode(on: boolean): void {
    this.raw = on;
  }
  resume(): void {}
  pause(): void {}
  type(bytes: string): void {
    this.emit('data', Buffer.from(bytes));
  }
}

/** A terminal emulator that the view paints on. */
export class FakeOutput extends EventEmitter {
  columns: number;
  rows: number;
  readonly term: xterm.Terminal;
  readonly writes: string[] = [];
  /** What `write` answers; false makes the view wait for `drain`. */
  accepts = true;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
    this.term = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  }

  write(text: string): boolean {
    this.writes.push(text);
    this.term.write(text, () => this.emit('painted'));
    return this.accepts;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.term.resize(columns, rows);
    this.emit('resize');
  }

  lines(): string[] {
    const buffer = this.term.buffer.active;
    return Array.from({ length: this.rows }, (_, y) => buffer.getLine(y)!.translateToString(true).trimEnd());
  }

  /** Waits for a frame on which something holds; the screen is in the error when it never does. */
  async until(what: (lines: string[]) => boolean, ms = 20_000): Promise<string[]> {
    if (what(this.lines())) return this.lines();
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!what(this.lines())) return;
        clearTimeout(timer);
        this.off('painted', check);
        resolve(this.lines());
      };
      const timer = setTimeout(() => {
        this.off('painted', check);
        reject(new Error(`the screen never came to that:\n${this.lines().join('\n')}`));
      }, ms);
      this.on('painted', check);
    });
  }
}

/** A view on a fake run, open. */
export interface Opened {
  view: TerminalView;
  run: FakeRun;
  input: FakeInput;
  output: FakeOutput;
  quits: number;
  [Symbol.dispose](): void;
}

/** Opens a view on an emulated terminal, everything attached unless said otherwise; `using` closes it. */
export function openView(
  streams: readonly Stream[],
  size: readonly [number, number] = [80, 24],
  options: Partial<TerminalViewOptions> = {},
  prepare?: (run: FakeRun) => void,
  attaching = false,
): Opened {
  const run = new FakeRun(streams);
  prepare?.(run);
  const input = new FakeInput();
  const output = new FakeOutput(...size);
  const opened: Opened = {
    run,
    input,
    output,
    quits: 0,
    view: new TerminalView({
      input,
      output,
      env: { TERM: 'xterm-256color', LANG: 'C.UTF-8' },
      onQuit: () => {
        opened.quits++;
      },
      ...options,
    }),
    [Symbol.dispose]: () => opened.view.stop(),
  };
  opened.view.start(run);
  if (!attaching) opened.view.attached();
  return opened;
}
