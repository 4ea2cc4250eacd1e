import { formText, TARGET_FORMS, TARGET_OPTIONS } from '@skep/probe/targets';

/** The forms of `--attach PROG=TARGET`, kinds of program that share one together, and what the options mean. */
export function attachHelp(): string[] {
  const kinds = new Map<string, string[]>();
  for (const kind of Object.keys(TARGET_FORMS)) {
    const text = formText(kind)!;
    kinds.set(text, [...(kinds.get(text) ?? []), kind]);
  }
  const lines = ['PROG is the name of the C function; a program may be given several targets.', ''];
  for (const [text, names] of kinds) lines.push(...wrapped(`${names.join(', ')}: `, text));
  lines.push('', 'Options, behind a comma:');
  for (const text of Object.values(TARGET_OPTIONS)) lines.push(...wrapped('', text));
  return lines;
}

/** At most 100 columns, with what goes on in the next line set in. */
function wrapped(head: string, text: string): string[] {
  const lines: string[] = [];
  let line = head.trimEnd();
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > 100) {
      lines.push(line);
      line = '   ';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
