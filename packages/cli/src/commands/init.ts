import type { InitChoices } from '@skep/probe';
import { type Command, Option } from 'commander';
import { CliError, usageError } from '../errors.ts';
import { examples } from '../examples.ts';
import { writeWhole } from '../fs-errors.ts';
import { out } from '../output/out.ts';
import { settingsOf } from '../settings.ts';

type Question = keyof InitChoices;

interface InitFlags {
  language?: string;
  programType?: string;
  map?: string;
  outputType?: string;
  file?: string;
  force?: boolean;
  from?: string;
}

/** What each question is called on the command line and at the prompt, and what its answers mean. */
const questions: Record<Question, { flag: keyof InitFlags & string; long: string; ask: string }> = {
  language: { flag: 'language', long: '--language', ask: 'Which language?' },
  programType: { flag: 'programType', long: '--program-type', ask: 'What shall it watch?' },
  map: { flag: 'map', long: '--map', ask: 'How does the data leave the kernel?' },
  output: { flag: 'outputType', long: '--output-type', ask: 'What shall become of it?' },
};

const meanings: Record<string, string> = {
  C: 'kernel C, the language of eBPF',
  Network: 'TCP connections',
  FileSystem: 'files that are opened',
  RingBuffer: 'an event at a time, in order; Linux 5.8 and later',
  HashMap: 'a row a key, added up in the kernel: cheapest',
  PerfBuffer: 'an event at a time, also on older kernels',
  print: 'rows: each event is shown',
  counter: 'a metric that only grows',
  gauge: 'a metric: the last value',
  hist: 'a metric: how values are spread',
};

/** `skep init` */
export function define(command: Command): void {
  command
    .argument('[file]', 'where to write it; with --from, the folder')
    .option('--from <image>', 'make a folder of the sources that an image carries')
    .option('-l, --language <name>', 'C')
    .option('--program-type <type>', 'Network or FileSystem')
    .option('-m, --map <type>', 'RingBuffer, HashMap or PerfBuffer')
    .option('-o, --output-type <kind>', 'print, counter, gauge or hist')
    .option('--force', 'overwrite the file')
    .addOption(new Option('-f, --file <file>', "as the argument, bee's flag").hideHelp())
    .action(init);
  examples(
    command,
    'skep init                                    asks for everything',
    'skep init --from ghcr.io/me/oomkill:1        the sources of an image, to work on',
    'skep init hello.c -l C --program-type Network -m RingBuffer -o print',
  );
}

async function init(argument: string | undefined, flags: InitFlags, command: Command): Promise<void> {
  if (flags.from !== undefined) {
    const { initFrom } = await import('../init-from.ts');
    return initFrom(flags.from, argument, flags.force ?? false, settingsOf(command));
  }
  const { initTemplate } = await import('@skep/probe');
  const choices = await askChoices(flags);
  const file = argument ?? flags.file ?? (await askFile());
  await writeNew(file, initTemplate(choices, file), flags.force ?? false);
  await out(`${file}\n`);
}

/** Every answer comes from its flag, or from the person at the terminal. Flags are checked before anything is asked. */
async function askChoices(flags: InitFlags): Promise<InitChoices> {
  const { INIT_CHOICES, parseInitChoice } = await import('@skep/probe');
  const names = Object.keys(questions) as Question[];
  const given = new Map<Question, string>();
  for (const name of names) {
    const text = flags[questions[name].flag];
    if (typeof text === 'string') given.set(name, parseInitChoice(name, text));
  }
  const missing = names.filter((name) => !given.has(name));
  if (missing.length > 0 && !isTerminal()) {
    throw usageError(
      `not a terminal to ask at, and ${missing.map((name) => questions[name].long).join(', ')} not given`,
      missing.map((name) => `${questions[name].long} ${INIT_CHOICES[name].join('|')}`).join('\n'),
    );
  }
  for (const name of missing) {
    const answers: readonly string[] = INIT_CHOICES[name];
    const only = answers.length === 1 ? answers[0] : undefined;
    given.set(name, only ?? (await askOne(name, answers)));
  }
  return Object.fromEntries(given) as unknown as InitChoices;
}

async function askOne(name: Question, answers: readonly string[]): Promise<string> {
  const { choose } = await import('../prompts.ts');
  return choose(
    questions[name].ask,
    answers.map((value) => ({ value, label: value, hint: meanings[value] })),
  );
}

async function askFile(): Promise<string> {
  if (!isTerminal()) throw usageError('the file to write is missing', 'skep init hello.c …');
  const { ask } = await import('../prompts.ts');
  return ask('Which file?', 'probe.c');
}

function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

async function writeNew(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeWhole(file, text, force ? 'w' : 'wx');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CliError(
      'SKEP_USAGE',
      `${file} exists already`,
      'Name another file, or --force to overwrite it.',
      {
        cause,
      },
    );
  }
}
