import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BpfError, BpfObject, type KernelFacts } from '@skep/bpf';
import { checkObject } from '@skep/probe';

/** An object whose programs are tried. */
export interface Tried {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What check said of a program, and what the kernel did with it. */
export interface Compared {
  readonly object: string;
  readonly program: string;
  readonly said: 'runs' | 'refused' | 'unknown';
  readonly reason: string;
  /** What was wrong when it was loaded and attached; undefined when nothing was. */
  readonly wrong?: string;
}

/** What the runs of a test file add up to. */
export interface Agreement {
  readonly programs: number;
  /** Said to run, and did; said to be refused, and was. */
  readonly agreed: number;
  readonly unknown: number;
  /** Said to run, and was refused. */
  readonly surprised: readonly Compared[];
  /** Said to be refused, and ran: must be empty. */
  readonly slandered: readonly Compared[];
}

/** All objects (`*.o`) of a folder. */
export function objectsIn(folder: string): Tried[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.o'))
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/**
 * Loads and attaches each program by itself, for an instant, and compares with what check says of the running kernel
 * and of the kept facts of the same kernel.
 *
 * @param attach attaches a loaded program; by default as its section says. Programs that need a target which a test
 * would have to make are given one here, or not attached.
 */
export async function compare(
  objects: readonly Tried[],
  facts: readonly KernelFacts[],
  attach: (object: BpfObject, program: string) => void = (object, program) =>
    object.program(program).attach().close(),
): Promise<Compared[][]> {
  const out: Compared[][] = facts.map(() => []);
  for (const { name, bytes } of objects) {
    const checked = facts.map((f) => checkObject(bytes, name, f));
    for (const [i, { name: program }] of checked[0]!.programs.entries()) {
      const wrong = await tried({ name, bytes }, program, attach);
      checked.forEach((c, k) => {
        const { verdict } = c.programs[i]!;
        const reason = verdict.state === 'runs' ? '' : verdict.reason;
        out[k]!.push({ object: name, program, said: verdict.state, reason, wrong });
      });
    }
  }
  return out;
}

async function tried(
  { name, bytes }: Tried,
  program: string,
  attach: (object: BpfObject, program: string) => void,
): Promise<string | undefined> {
  using object = BpfObject.open(bytes, { name: name.replace(/\.o$/, '') });
  for (const p of object.programs) p.autoload = p.name === program;
  try {
    await object.load();
    attach(object, program);
    return undefined;
  } catch (e) {
    if (!String((e as BpfError).code).startsWith('SKEP_')) throw e;
    return (e as BpfError).message;
  }
}

/** Counts. */
export function agreement(compared: readonly Compared[]): Agreement {
  const ran = (c: Compared) => c.wrong === undefined;
  return {
    programs: compared.length,
    agreed: compared.filter((c) => c.said !== 'unknown' && (c.said === 'runs') === ran(c)).length,
    unknown: compared.filter((c) => c.said === 'unknown').length,
    surprised: compared.filter((c) => c.said === 'runs' && !ran(c)),
    slandered: compared.filter((c) => c.said === 'refused' && ran(c)),
  };
}

/** One line for a log, and one for each program of which check said the wrong thing. */
export function agreementText(about: string, compared: readonly Compared[]): string {
  const { programs, agreed, unknown, surprised, slandered } = agreement(compared);
  const line = `${about}: check and kernel agree on ${agreed} of ${programs} programs, ${unknown} not known`;
  const wrong = [...slandered, ...surprised].map(
    (c) => `  ${c.object} ${c.program}: said ${c.said} ${c.reason}, but ${c.wrong ?? 'it runs'}`,
  );
  return [line, ...wrong].join('\n');
}
