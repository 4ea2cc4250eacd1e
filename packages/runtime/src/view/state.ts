import type { Run } from '../contract/run.ts';
import { Meter } from './meter.ts';
import type { Row } from './model.ts';
import { RECORD_LIMITS, type RecordLimits } from './records.ts';
import { Tab } from './tab.ts';

/** What covers the table. */
export type Overlay = { readonly kind: 'help' } | { readonly kind: 'detail'; readonly row: Row };

/** A line above the status line, until Esc. */
export interface Message {
  readonly text: string;
  readonly level: 'info' | 'error';
}

/** Everything a frame is made of. Keys and data change it, `compose` paints it. */
export class ViewState {
  readonly ascii: boolean;
  readonly tabs: readonly Tab[];
  readonly meter: Meter;
  readonly messages: Message[] = [];
  /** After "waiting for events"; the hooks, unless told otherwise. */
  readonly hint: string | undefined;
  hooks: readonly string[] = [];
  notes: readonly string[] = [];
  active = 0;
  paused = false;
  /** Not everything is attached yet: what happens now is not seen. */
  attaching = true;
  stopping = false;
  /** The filter being typed. */
  prompt: string | undefined;
  overlay: Overlay | undefined;
  overlayScroll = 0;
  /** Rows remain untested for the filter: another frame should follow. */
  testing = false;
  readonly #run: Run;

  constructor(run: Run, ascii: boolean, hint?: string, limits: RecordLimits = RECORD_LIMITS, what?: string) {
    this.#run = run;
    this.ascii = ascii;
    this.hint = hint;
    this.tabs = run.streams.map((stream) => new Tab(stream, run.series, limits));
    this.meter = new Meter(what ?? (run.streams.some((s) => s.source !== 'map') ? 'events' : 'runs'));
  }

  /** What stands on top. */
  get name(): string {
    return this.#run.name;
  }

  /** The tab that is looked at; undefined when the probe shows nothing. */
  get tab(): Tab | undefined {
    return this.tabs[this.active];
  }

  /** Reads the run's counters. */
  measure(now: number): void {
    const stats = this.#run.stats();
    this.meter.sample(stats, now);
    this.hooks = [...new Set(stats.programs.flatMap((p) => [p.section, ...p.also]))];
    for (const text of stats.notes.slice(this.notes.length)) this.messages.push({ text, level: 'info' });
    this.notes = [...stats.notes];
  }

  selectTab(index: number): void {
    const count = this.tabs.length;
    if (count > 0) this.active = (index + count) % count;
  }

  pause(on: boolean): void {
    this.paused = on;
    for (const tab of this.tabs) tab.pause(on);
  }

  open(overlay: Overlay): void {
    this.overlay = overlay;
    this.overlayScroll = 0;
  }
}
