/** How wide help is: as the terminal, up to 110. */
export function helpWidth(): number {
  // Some terminals say 0 for what they do not know.
  return Math.min(process.stdout.columns || 100, 110);
}

/**
 * Breaks a text between words.
 *
 * @param indent stands before all lines but the first, which is taken to stand behind as much
 */
export function wrap(text: string, width: number, indent = 0): string {
  const most = Math.max(width - indent, 16);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
