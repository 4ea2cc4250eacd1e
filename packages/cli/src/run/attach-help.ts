import { formText, TARGET_FORMS, TARGET_OPTIONS } from '@skep/probe/targets';

/** The forms of `--attach PROG=TARGET`, kinds of program that share one together, and what the options mean. */
export function attachHelp(): string[] {
  const kinds = new Map<string, string[]>();
  for (const kind of Object.keys(TARGET_FORMS)) {
    const text = formText(kind)!;
    kinds.set(text, [...(kinds.get(text) ?? []), kind]);
  }
  const lines = ['PROG is the name of the C function; a program may be given several targets.', ''];
  for (const [text, names] of kinds) lines.push(`${names.join(', ')}: ${text}`);
  lines.push('', 'Options, behind a comma:', ...Object.values(TARGET_OPTIONS));
  return lines;
}
