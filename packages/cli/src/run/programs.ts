import { usageError } from '../errors.ts';
import { isFile } from '../probe-source.ts';

/** One of the programs of a run, and what is said of it alone. */
export interface ProgramRequest {
  /** A C file, an object file or an image. */
  readonly program: string;
  /** Tells it apart where a list runs a program twice; the image's own name unless said. */
  readonly name?: string;
  readonly set?: Readonly<Record<string, string | readonly string[]>>;
  readonly attach?: readonly string[];
  readonly hook?: Readonly<Record<string, string>>;
  readonly show?: readonly string[];
}

/** What is to run, and the words behind it that only the programs themselves know: `--min-latency 5ms`. */
export interface Programs {
  readonly programs: readonly ProgramRequest[];
  readonly words: readonly string[];
  /** Of a list, when it has one. */
  readonly name?: string;
}

/**
 * The programs of a command line: all words up to the first that is a flag; a YAML file stands for those that it lists.
 *
 * @throws CliError SKEP_USAGE for a program that is named twice and for a list that cannot be read, with its line
 */
export async function programsOf(args: readonly string[]): Promise<Programs> {
  const end = args.findIndex((word) => word.startsWith('-'));
  const words = end < 0 ? [] : args.slice(end);
  const programs: ProgramRequest[] = [];
  let name: string | undefined;
  for (const program of end < 0 ? args : args.slice(0, end)) {
    if (/\.ya?ml$/.test(program) && (await isFile(program))) {
      const { readRunList } = await import('../instances/index.ts');
      const list = await readRunList(program);
      programs.push(...list.programs);
      name ??= list.name;
    } else programs.push({ program });
  }
  const names = programs.map((p) => p.name ?? p.program);
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined)
    throw usageError(`"${twice}" is named twice`, 'In a list (a YAML file) each can have a name of its own.');
  return { programs, words, name };
}
