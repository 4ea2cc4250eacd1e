/**
 * Splits flags as a shell does, for `--cflags "-DA=1 '-DB=two words'"`: white space separates, single and double
 * quotes hold together, a backslash outside single quotes takes the next character as it is.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\([\s\S])|([^\s'"\\]+|['"\\])/g;
  let word: string | undefined;
  for (const [, single, double, escaped, plain] of text.matchAll(token)) {
    const part = single ?? double?.replace(/\\([\s\S])/g, '$1') ?? escaped ?? plain;
    if (part !== undefined) word = (word ?? '') + part;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
