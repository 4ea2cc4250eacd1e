import { LineBuffer, type Output, openOutput } from '@skep/runtime';

/** At the end a reader has so long to take what waits. */
const PATIENCE_MS = 1_000;

/**
 * Lines for whoever reads `--print`. A reader that is slow, or stopped, costs lines, which are counted, and neither memory
 * nor the agent's time.
 */
export class Lines {
  readonly #output: Output;
  readonly #lines: LineBuffer;
  /** Lines that nobody took. */
  lost = 0;

  /** @param onClose the reader has gone away, or there is no room for what is written */
  constructor(onClose: (error: Error) => void, output: Output = openOutput(1)) {
    this.#output = output;
    output.onClose(onClose);
    this.#lines = new LineBuffer({
      ...{ output, chunkBytes: 64 * 1024, chunks: 4 },
      onLost: (_, lines) => {
        this.lost += lines;
      },
    });
  }

  add(line: string): void {
    this.#lines.append(`${line}\n`, 0);
    this.#lines.flushWhenIdle();
  }

  /** What is not taken soon is lost. */
  async finish(): Promise<void> {
    await this.#lines.finish(PATIENCE_MS);
    this.#output.close();
  }
}
