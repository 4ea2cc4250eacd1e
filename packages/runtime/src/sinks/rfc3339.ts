/** RFC 3339 times in UTC. The text of the last millisecond is kept: a batch's records share it. */
export class Rfc3339 {
  #ms = Number.NaN;
  #text = '';
  #stem = '';

  /** `2026-11-22T14:29:57.123Z`; with microseconds when `timeMs` has a fraction. */
  format(timeMs: number): string {
    if (timeMs === this.#ms) return this.#text;
    const whole = Math.floor(timeMs);
    if (whole !== Math.floor(this.#ms)) this.#stem = new Date(whole).toISOString().slice(0, -1);
    this.#ms = timeMs;
    // Rounded: 0.147 ms are 146.99… microseconds to a double that counts since 1970.
    const micros = Math.min(999, Math.round((timeMs - whole) * 1000));
    this.#text = micros === 0 ? `${this.#stem}Z` : `${this.#stem}${String(micros).padStart(3, '0')}Z`;
    return this.#text;
  }
}
