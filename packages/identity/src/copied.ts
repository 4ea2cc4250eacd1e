/** The same text by itself: a part of a string holds all of it, which may be a command line of 128 KiB. */
export function copied(text: string): string {
  return Buffer.from(text).toString();
}
