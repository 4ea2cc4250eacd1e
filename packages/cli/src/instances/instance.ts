import { closeSync, writeSync } from 'node:fs';
import type { Server } from 'node:net';
import { basename } from 'node:path';
import type { MetricsStatus, Run, RunSummary, Sink, TerminalViewOptions } from '@skep/runtime';
import { explain } from '../errors.ts';
import { readInstance, removeFolder, writeFact } from './folder.ts';
import { Hub } from './hub.ts';
import { InstanceLog } from './log.ts';
import { processId } from './process.ts';
import { serve } from './serve.ts';

/** How the launcher is told that the probes are attached. */
const READY_FD = 3;

/** The process of an instance, seen from within. */
export class OwnInstance {
  readonly folder: string;
  readonly log: InstanceLog;
  readonly hub = new Hub();
  #server: Server | undefined;
  #resolve!: () => void;
  readonly #written = new Promise<void>((resolve) => {
    this.#resolve = resolve;
  });

  constructor(folder: string) {
    this.folder = folder;
    this.log = new InstanceLog(folder);
  }

  get name(): string {
    return basename(this.folder);
  }

  /** The probes are attached: from now on it can be asked, and the launcher goes. */
  async running(
    run: Run,
    metrics: MetricsStatus | undefined,
    view: (options: TerminalViewOptions) => Sink,
  ): Promise<void> {
    this.#server = await serve(this.folder, {
      hub: this.hub,
      view,
      stats: () => this.hub.stats(this.log.dropped),
      stop: () => {
        void run.stop('stopped');
        return this.#written;
      },
    });
    writeFact(this.folder, 'running.json', {
      process: processId(),
      startedAt: new Date().toISOString(),
      metrics: metrics?.listening ? metrics.url : undefined,
    });
    writeSync(READY_FD, 'ready\n');
    closeSync(READY_FD);
  }

  /** It is over, in order or by an error. */
  ended(how: RunSummary['reason'], error?: unknown): void {
    const told = error === undefined ? undefined : explain(error);
    const facts = this.#server && readInstance(this.folder);
    // Who follows the log of one that goes away with its end has nowhere else to read why.
    if (facts?.remove && told) this.log.note(`ended by an error: ${told.message}`);
    this.log.end();
    this.#server?.close();
    // One that did not come as far as running is its launcher's to take away.
    if (!this.#server) return;
    writeFact(this.folder, 'ended.json', {
      endedAt: new Date().toISOString(),
      code: told?.exitCode ?? 0,
      reason: how,
      error: told?.message,
    });
    if (facts?.remove) removeFolder(facts);
    this.#resolve();
  }
}
