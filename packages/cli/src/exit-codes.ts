/** What `skep` exits with. docs/exit-codes.md explains each; a test holds the two together. */
export const ExitCode = {
  ok: 0,
  general: 1,
  usage: 2,
  notFound: 3,
  permission: 4,
  kernel: 5,
  registry: 6,
  badInput: 7,
} as const;

export type ExitCodeName = keyof typeof ExitCode;

/** One line a code, as `skep --help` shows them. */
export const exitCodeMeaning: Record<ExitCodeName, string> = {
  ok: 'done; for run also: stopped by Ctrl-C, --timeout or --max-events',
  general: 'failed for another reason (disk full, port occupied, …)',
  usage: 'the command line is wrong',
  notFound: 'the image, file or name asked for does not exist',
  permission: 'a capability or a file permission is missing',
  kernel: 'this kernel lacks something, or its verifier refused the program',
  registry: 'the registry or the network failed or refused',
  badInput: 'the source, object, image or store is not valid',
};

/** Every error code of the packages and its class. A code that is not here exits 1; a test finds it. */
const classes: Record<Exclude<ExitCodeName, 'ok'>, readonly string[]> = {
  general: ['SKEP_PORT_IN_USE'],
  usage: ['SKEP_USAGE', 'SKEP_TEMPLATE'],
  notFound: ['SKEP_NOT_FOUND'],
  permission: ['SKEP_PERMISSION'],
  kernel: ['SKEP_VERIFIER', 'SKEP_UNSUPPORTED'],
  registry: [],
  badInput: [],
};

const byCode = new Map<string, ExitCodeName>();
for (const [name, codes] of Object.entries(classes) as [ExitCodeName, readonly string[]][]) {
  for (const code of codes) byCode.set(code, name);
}

/** The class of an error code, or undefined for one this table does not know. */
export function classOf(code: string): ExitCodeName | undefined {
  return byCode.get(code);
}
