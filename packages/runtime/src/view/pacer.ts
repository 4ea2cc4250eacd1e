/** At most ten frames a second for data; a key is answered at once, but not twice within this. */
const DATA_FRAME_MS = 100;
const KEY_FRAME_MS = 16;
/** Data waits this many times as long as frames take, so that painting stays under 4 % of a core. */
const REST = 25;
/** How much the last frame counts in that: one slow frame, as the first ones are, does not slow the view. */
const WEIGHT = 0.15;
const LONGEST_REST_MS = 1000;

/** Decides when the next frame is painted. Nothing runs while nothing was asked for. */
export class Pacer {
  readonly #paint: () => void;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #paintedAt = Number.NEGATIVE_INFINITY;
  #costMs = 0;
  #restMs = DATA_FRAME_MS;

  constructor(paint: () => void) {
    this.#paint = paint;
  }

  /** A frame for what the person did. */
  soon(): void {
    this.#schedule(this.#paintedAt + KEY_FRAME_MS);
  }

  /** A frame for new data, when the last one is old enough. */
  later(): void {
    this.#schedule(this.#paintedAt + this.#restMs);
  }

  /** A frame was painted that began at `began`. */
  painted(began: number): void {
    this.cancel();
    this.#paintedAt = performance.now();
    this.#costMs += (this.#paintedAt - began - this.#costMs) * WEIGHT;
    this.#restMs = Math.min(LONGEST_REST_MS, Math.max(DATA_FRAME_MS, this.#costMs * REST));
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(at: number): void {
    if (this.#timer !== undefined) {
      if (at >= this.#dueAt) return;
      clearTimeout(this.#timer);
    }
    this.#dueAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#paint();
      },
      Math.max(0, at - performance.now()),
    );
  }
}
