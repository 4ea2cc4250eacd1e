import { copied } from '../copied.ts';

/** Ends of lines, what steers a terminal, and what turns the direction of what follows. */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g;

/** A name of at most so many characters, in one line, that does nothing to whoever shows it. */
export function oneLine(text: string, most: number): string {
  return copied(text.replace(STEERING, ' ').trim().slice(0, most));
}
