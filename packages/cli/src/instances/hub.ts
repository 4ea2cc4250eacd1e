import type { RecordView } from '@skep/bpf';
import type { Run, Sink, Stream } from '@skep/runtime';
import type { InstanceStats } from './protocol.ts';

interface Look {
  readonly at: number;
  readonly events: number;
  readonly cpuUs: number;
  readonly probeNs: bigint;
}

/**
 * The sink of an instance: keeps what `stats` asks for, and hands everything on to live views that come and go while the
 * run goes on.
 */
export class Hub implements Sink {
  readonly name = 'hub';
  /** Each with what is to be done at the end of the run. */
  readonly #views = new Map<Sink, () => void>();
  #run: Run | undefined;
  #attached = false;
  #before: Look | undefined;
  #now: Look | undefined;

  start(run: Run): void {
    this.#run = run;
  }

  attached(): void {
    this.#attached = true;
    this.#now = this.#look();
  }

  /** A view that sees what happens from now on. */
  add(view: Sink, atEnd: () => void): void {
    void view.start?.(this.#run!);
    if (this.#attached) view.attached?.();
    this.#views.set(view, atEnd);
    // What the run holds already is there to see at once.
    view.tick?.(this.#run!);
  }

  remove(view: Sink): void {
    this.#views.delete(view);
  }

  record(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void {
    for (const sink of this.#views.keys()) sink.record?.(stream, view, offset, length, timeMs);
  }

  drained(): void {
    for (const sink of this.#views.keys()) sink.drained?.();
  }

  tick(run: Run): void {
    this.#before = this.#now;
    this.#now = this.#look();
    for (const sink of this.#views.keys()) sink.tick?.(run);
  }

  stop(): void {
    for (const atEnd of [...this.#views.values()]) atEnd();
  }

  /** Undefined before the probes are attached. */
  stats(logDropped: number): InstanceStats | undefined {
    if (!this.#run || !this.#now) return undefined;
    const stats = this.#run.stats();
    const [before, now] = [this.#before ?? this.#now, this.#before ? this.#now : this.#look()];
    const seconds = Math.max(0.001, (now.at - before.at) / 1000);
    return {
      seconds: stats.elapsedMs / 1000,
      events: sum(Object.values(stats.events)),
      eventsPerSecond: (now.events - before.events) / seconds,
      lost: sum(stats.lost.map((l) => l.count)),
      lossUnknown: stats.lossUnknown,
      series: stats.series,
      cpuPercent: (now.cpuUs - before.cpuUs) / 1e4 / seconds,
      probeCpuPercent: stats.programStats ? Number(now.probeNs - before.probeNs) / 1e7 / seconds : undefined,
      memoryBytes: process.memoryUsage.rss(),
      logDropped,
    };
  }

  #look(): Look {
    const stats = this.#run!.stats();
    return {
      at: performance.now(),
      events: sum(Object.values(stats.events)),
      cpuUs: stats.ownCpuUs,
      probeNs: stats.programs.reduce((all, p) => all + p.runTimeNs, 0n),
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all + n, 0);
}
