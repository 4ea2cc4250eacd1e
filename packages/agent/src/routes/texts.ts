import type { Run } from '@skep/runtime';
import { RAW_PROCESS, SELF } from '../kernel/key.ts';
import { offsets } from '../kernel/layout.ts';
import type { Processes } from '../services/processes.ts';
import type { Services } from '../services/services.ts';
import { TOLD_MS } from '../services/told.ts';
import { pathText, type Routes } from './routes.ts';

export interface PathTextsParts {
  readonly services: Services;
  readonly processes: Processes;
  readonly routes: Routes;
  /** Milliseconds, never going back. */
  readonly clock: () => number;
  /** Texts that had to wait have become routes. */
  readonly onLate: () => void;
}

type View = { readonly u8: Uint8Array; readonly dv: DataView };
interface PathText {
  readonly number: number;
  readonly fingerprint: bigint;
  readonly text: string;
}

/** Makes routes of the records of print_http_paths: the text of each fingerprint that is new to the kernel. */
export class PathTexts {
  readonly #o: PathTextsParts;
  readonly #at: Record<'path' | 'service' | 'length' | 'text', number>;
  /** Of processes that nobody may have told of yet. */
  #early: PathText[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @throws AgentError SKEP_AGENT_KERNEL */
  constructor(run: Pick<Run, 'map'>, parts: PathTextsParts) {
    this.#o = parts;
    const { value } = run.map('print_http_paths');
    this.#at = offsets(value, 'http_path', ['path', 'service', 'length', 'text']);
  }

  /** A record has come. */
  take({ u8, dv }: View, at: number): void {
    const o = this.#at;
    const length = Math.min(256, dv.getUint32(at + o.length, true));
    const path: PathText = {
      number: dv.getUint32(at + o.service, true),
      fingerprint: dv.getBigUint64(at + o.path, true),
      text: pathText(u8.subarray(at + o.text, at + o.text + 256), length),
    };
    const { number } = path;
    if (number < RAW_PROCESS || this.#o.processes.knows(number - RAW_PROCESS)) this.#route(path);
    else if (this.#early.push(path) === 1) this.#timer = setTimeout(() => this.#late(), TOLD_MS);
  }

  /** Those that wait become routes now: no more records come, or what counts by them waits no longer. */
  settle(): void {
    clearTimeout(this.#timer);
    this.#late();
  }

  #late(): void {
    const paths = this.#early;
    this.#early = [];
    for (const path of paths) this.#route(path);
    this.#o.onLate();
  }

  #route({ number, fingerprint, text }: PathText): void {
    const { services, processes, routes, clock } = this.#o;
    const pid = number >= RAW_PROCESS ? number - RAW_PROCESS : undefined;
    const service =
      pid !== undefined ? processes.serviceOf(pid) : number === SELF ? services.self : services.byId(number);
    if (service) routes.path(fingerprint, service.id, text, clock(), pid);
  }
}
