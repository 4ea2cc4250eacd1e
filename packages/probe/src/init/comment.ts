/** A C comment of lines that are at most 100 columns wide. */
export function cComment(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]!;
    if (last.length + word.length + 1 > 96) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return `/* ${lines.join('\n * ')} */`;
}
