import { ProbeError } from '../errors.ts';

/** What `init` asks for, and the answers there are; the first of each is the default. */
export const INIT_CHOICES = {
  language: ['C'],
  programType: ['Network', 'FileSystem'],
  map: ['RingBuffer', 'HashMap', 'PerfBuffer'],
  output: ['print', 'counter', 'gauge', 'hist'],
} as const;

type Choices = typeof INIT_CHOICES;

/** One answer to each question. */
export type InitChoices = { [Q in keyof Choices]: Choices[Q][number] };

/**
 * Reads an answer as a user writes it: case, spaces and dashes do not count (`file-system` is `FileSystem`).
 *
 * @throws {ProbeError} `SKEP_TEMPLATE`, naming the answers there are
 */
export function parseInitChoice<Q extends keyof Choices>(question: Q, text: string): InitChoices[Q] {
  const plain = (s: string): string => s.toLowerCase().replace(/[^a-z]/g, '');
  const answers = INIT_CHOICES[question] as readonly string[] as readonly InitChoices[Q][];
  const found = answers.find((answer) => plain(answer) === plain(text));
  if (found !== undefined) return found;
  const words = { language: 'language', programType: 'program type', map: 'map type', output: 'output' };
  throw new ProbeError('SKEP_TEMPLATE', `There is no ${words[question]} "${text}" to begin with.`, {
    hint: `Choose ${answers.length === 1 ? answers[0] : `one of ${answers.join(', ')}`}.`,
  });
}
