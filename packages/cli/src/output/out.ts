/** Writes to stdout and waits until the pipe took it, so that nothing is cut off at exit. */
export function out(text: string): Promise<void> {
  if (text === '') return Promise.resolve();
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** A note for the person at the terminal: on stderr, so that stdout stays data. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Leaves quietly when the reader of a pipe went away (`skep list | head -1`). */
export function quietPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
}
