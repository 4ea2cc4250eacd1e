/** Writes to stdout and waits until the pipe took it, so that nothing is cut off at exit. */
export function out(text: string): Promise<void> {
  if (text === '') return Promise.resolve();
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(named(error)) : resolve()));
  });
}

/** A note for the person at the terminal: on stderr, so that stdout stays data. */
export function note(text: string): void {
  if (elsewhere) elsewhere(text);
  else process.stderr.write(`${text}\n`);
}

let elsewhere: ((text: string) => void) | undefined;

/** Lets notes go elsewhere: of what runs in the background into its log. */
export function redirectNotes(to: (text: string) => void): void {
  elsewhere = to;
}

let wholeOnly = false;

/** What is written is of use only as a whole: a reader that goes away before its end is an error. */
export function wholeOutput(): void {
  wholeOnly = true;
}

/**
 * Leaves quietly when the reader of a pipe went away (`skep list | head -1`). What was to be said beside it, and cannot be, for want
 * of a reader or of room in a log, is not said: nothing that works ends for that.
 */
export function quietPipes(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && !wholeOnly) process.exit(0);
    throw named(error);
  });
}

/** The system's error of writing knows no path, and no disk that is full need be one of images. */
function named(error: Error): Error {
  return 'path' in error ? error : Object.assign(error, { path: 'standard output' });
}
