import type { RecordView } from '@skep/bpf';
import type { Run } from '../contract/run.ts';
import type { Sink } from '../contract/sink.ts';
import type { RunSummary } from '../contract/stats.ts';
import type { Stream } from '../contract/stream.ts';
import { compose } from './compose.ts';
import { control } from './controls.ts';
import { diff } from './diff.ts';
import { glyphGeneration } from './glyphs.ts';
import { type InputEvent, InputParser } from './input.ts';
import { Pacer } from './pacer.ts';
import type { RecordLimits } from './records.ts';
import { Screen } from './screen.ts';
import { ViewState } from './state.ts';
import { type ColorDepth, detectAscii, detectDepth, sgrTable } from './style.ts';
import type { Tab } from './tab.ts';
import { Terminal, type ViewInput, type ViewOutput } from './terminal.ts';

/** Reading the programs' counters costs system calls, so not on every frame. */
const STATS_MS = 250;

/** What a {@link TerminalView} is given. */
export interface TerminalViewOptions {
  /** Where keys come from, usually `process.stdin`; put into raw mode while the view is open. */
  input: ViewInput;
  /** Where the view is painted, usually `process.stdout`. */
  output: ViewOutput;
  /** Called when the person wants out (q, ctrl-c) or the terminal is gone. Should end in `run.stop('quit')`. */
  onQuit: () => void;
  /** Called at the second ctrl-c, when stopping takes too long. Default: restore the terminal and exit with 130. */
  onForceQuit?: () => void;
  /** Input and output are not this process's own terminal: its signals and ctrl-z are none of the view's business. */
  remote?: boolean;
  /** Shown while nothing has come yet, after "waiting for events". Default: the hooks the probe is on. */
  hint?: string;
  /** What the status line counts, in place of events. */
  what?: string;
  /** Colours; default from `NO_COLOR`, `COLORTERM` and `TERM`. */
  color?: ColorDepth;
  /** No character outside ASCII; default from the locale. */
  ascii?: boolean;
  /** For `color` and `ascii`; default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Rows and bytes kept for each `print_` stream; default 10,000 rows in at most 4 MiB. */
  limits?: RecordLimits;
}

/**
 * The live full-screen view of a run: a tab for each map, a table that sorts, filters, pauses and holds rows,
 * histograms as bars, and a line that always says how many events came, how many were lost, what they cost.
 *
 * A sink like any other. It takes the terminal in `start` and gives it back in `stop`, and also when the
 * process dies of an error or of a signal.
 *
 * @example
 * const view = new TerminalView({ input: process.stdin, output: process.stdout, onQuit: () => run.stop('quit') });
 * const run = await startRun({ name: 'oomkill', objects, sinks: [view] });
 */
export class TerminalView implements Sink {
  readonly name = 'view';
  readonly #options: TerminalViewOptions;
  readonly #terminal: Terminal;
  readonly #parser: InputParser;
  readonly #pacer = new Pacer(() => this.#paint());
  readonly #sgr: readonly string[];
  readonly #ascii: boolean;
  readonly #early: { text: string; level: 'info' | 'error' }[] = [];
  #state: ViewState | undefined;
  #byStream: Tab[] = [];
  /** What the terminal shows, and the frame being made. */
  #front: Screen | undefined;
  #back = new Screen(1, 1);
  #generation = 0;
  #dirty = false;
  /** Data came after the counters were read: the status line is behind the table. */
  #behind = false;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #clock: NodeJS.Timeout | undefined;

  constructor(options: TerminalViewOptions) {
    const env = options.env ?? process.env;
    this.#options = options;
    this.#ascii = options.ascii ?? detectAscii(env);
    this.#sgr = sgrTable(options.color ?? detectDepth(env));
    this.#parser = new InputParser((event) => this.#input(event));
    this.#terminal = new Terminal(
      options.input,
      options.output,
      {
        data: (chunk) => this.#parser.feed(chunk),
        resize: () => this.#redraw(),
        drain: () => this.#changed(),
        gone: () => this.#quit(false),
      },
      options.remote,
    );
  }

  /** Takes the terminal and paints the first frame. */
  start(run: Run): void {
    const { hint, limits, what } = this.#options;
    const state = new ViewState(run, this.#ascii, hint, limits, what);
    state.messages.push(...this.#early);
    this.#state = state;
    run.streams.forEach((stream, i) => {
      this.#byStream[stream.id] = state.tabs[i]!;
    });
    this.#terminal.enter();
    this.#clock = setInterval(() => {
      this.#measure();
      this.#dirty = true;
      this.#pacer.later();
    }, 1000);
    this.#clock.unref();
    this.#dirty = true;
    this.#paint();
  }

  /** From now on an empty table means that nothing happened. */
  attached(): void {
    if (this.#state === undefined) return;
    this.#state.attaching = false;
    this.#dirty = true;
    this.#pacer.soon();
  }

  /** Keeps the record's bytes; nothing is decoded. */
  record(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void {
    this.#byStream[stream.id]?.push(view, offset, length, timeMs);
    this.#dirty = true;
    this.#behind = true;
  }

  /** After a batch: the next frame shows it. */
  drained(): void {
    this.#changed();
  }

  /** Series have new values. */
  tick(): void {
    const now = performance.now();
    for (const tab of this.#byStream) tab?.series?.tick(now);
    this.#dirty = true;
    this.#pacer.later();
  }

  /** Gives the terminal back. Safe to call more than once. */
  stop(_summary?: RunSummary): void {
    clearInterval(this.#clock);
    this.#pacer.cancel();
    this.#parser.close();
    this.#terminal.leave();
  }

  /** Shows a message above the status line until Esc: a note, or an error that does not end the run. */
  notice(text: string, level: 'info' | 'error' = 'info'): void {
    (this.#state?.messages ?? this.#early).push({ text, level });
    this.#dirty = true;
    if (this.#state !== undefined) this.#pacer.soon();
  }

  #changed(): void {
    if (this.#dirty) this.#pacer.later();
  }

  #redraw(): void {
    this.#front = undefined;
    this.#dirty = true;
    this.#pacer.soon();
  }

  #measure(): void {
    this.#behind = false;
    this.#measuredAt = performance.now();
    this.#state?.measure(this.#measuredAt);
  }

  #paint(): void {
    const state = this.#state;
    if (state === undefined || !this.#dirty || !this.#terminal.writable) return;
    const began = performance.now();
    if (began - this.#measuredAt >= STATS_MS) this.#measure();
    const { columns, rows } = this.#terminal;
    if (this.#back.width !== columns || this.#back.height !== rows)
      this.#back = new Screen(columns, rows, this.#ascii);
    this.#dirty = false;
    this.#compose(state);
    this.#terminal.frame(diff(this.#front, this.#back, (style) => this.#sgr[style]!));
    const old = this.#front ?? new Screen(columns, rows, this.#ascii);
    this.#front = this.#back;
    this.#back = old;
    this.#pacer.painted(began);
    if (state.testing || this.#behind) {
      this.#dirty = true;
      this.#pacer.later();
    }
  }

  #compose(state: ViewState): void {
    this.#back.clear();
    compose(this.#back, state);
    if (this.#generation === glyphGeneration()) return;
    // Cells of the last frame, and of this one up to here, may stand for other glyphs now.
    this.#generation = glyphGeneration();
    this.#front = undefined;
    this.#back.clear();
    compose(this.#back, state);
  }

  #input(event: InputEvent): void {
    const state = this.#state;
    if (state === undefined) return;
    this.#dirty = true;
    this.#pacer.soon();
    control(event, state, {
      quit: (insist) => this.#quit(insist),
      suspend: () => this.#terminal.suspend(),
      redraw: () => this.#redraw(),
      height: () => this.#terminal.rows,
    });
  }

  /** First a request; at the second ctrl-c whoever asks wants out and not to wait. */
  #quit(insist: boolean): void {
    const state = this.#state;
    if (state !== undefined && !state.stopping) {
      state.stopping = true;
      this.#options.onQuit();
    } else if (insist && this.#options.onForceQuit !== undefined) this.#options.onForceQuit();
    else if (insist) {
      this.stop();
      process.exit(130);
    }
  }
}
