import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BpfError, BpfObject, type BpfProgram, type KernelFacts } from '@skep/bpf';
import { checkObject } from '@skep/probe';

/** An object whose programs are tried. */
export interface Tried {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where programs go whose section does not say it, by program. */
  readonly targets?: Readonly<Record<string, string>>;
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

/** Attaches a loaded program, for an instant. */
export type Attach = (object: BpfObject, program: string, target: string | undefined) => void;

/**
 * Loads and attaches each program by itself, for an instant, and compares with what check says of the running kernel
 * and of the kept facts of the same kernel.
 *
 * @param attach by default as its section or its target says. Programs that need a target which a test would have to
 * make are given one here, or not attached.
 */
export async function compare(
  objects: readonly Tried[],
  facts: readonly KernelFacts[],
  attach: Attach = (object, program, target) => object.program(program).attach({ target }).close(),
): Promise<Compared[][]> {
  const out: Compared[][] = facts.map(() => []);
  for (const object of objects) {
    const checked = facts.map((f) => checkObject(object.bytes, object.name, f, { targets: object.targets }));
    const names = checked[0]!.programs.map((p) => p.name);
    const hopeful = names.filter((_, i) => checked.some((c) => c.programs[i]!.verdict.state === 'runs'));
    const wrong = await triedAll(object, names, hopeful, attach);
    checked.forEach((c, k) => {
      for (const { name: program, verdict } of c.programs) {
        const reason = verdict.state === 'runs' ? '' : verdict.reason;
        if (KEPT_FROM.test(reason)) continue;
        out[k]!.push({
          object: object.name,
          program,
          said: verdict.state,
          reason,
          wrong: wrong.get(program),
        });
      }
    });
  }
  return out;
}

/** Of what its author keeps from older kernels (SKEP_SINCE) the kernel has nothing to say. */
const KEPT_FROM = /^it is for Linux [\d.]+ and later$/;

/** What is wrong with each program. Those that should run are loaded together: to load costs a guest a second. */
async function triedAll(
  object: Tried,
  names: readonly string[],
  hopeful: readonly string[],
  attach: Attach,
): Promise<Map<string, string>> {
  const wrong = new Map<string, string>();
  const together = await tried(object, hopeful, attach, wrong);
  for (const name of names)
    if (!together || !hopeful.includes(name)) await tried(object, [name], attach, wrong);
  return wrong;
}

/** Loads some programs and attaches each; false when they do not load, then that is what is wrong with one alone. */
async function tried(
  { name, bytes, targets = {} }: Tried,
  programs: readonly string[],
  attach: Attach,
  wrong: Map<string, string>,
): Promise<boolean> {
  using object = opened(bytes, name, (message) => {
    for (const p of programs) wrong.set(p, message);
  });
  if (!object) return false;
  for (const p of object.programs) p.autoload = programs.includes(p.name);
  try {
    for (const p of programs) retarget(object.program(p), targets[p]);
    await object.load();
  } catch (e) {
    const message = said(e);
    if (programs.length === 1) wrong.set(programs[0]!, message);
    return false;
  }
  for (const program of programs) {
    try {
      attach(object, program, targets[program]);
    } catch (e) {
      wrong.set(program, said(e));
    }
  }
  return true;
}

/** Undefined when libbpf makes nothing of it, on any kernel. */
function opened(bytes: Uint8Array, name: string, wrong: (message: string) => void): BpfObject | undefined {
  try {
    return BpfObject.open(bytes, { name: name.replace(/\.o$/, '') });
  } catch (e) {
    wrong(said(e));
    return undefined;
  }
}

/** Whose hook the verifier has to know is told before it loads. */
function retarget(program: BpfProgram, target: string | undefined): void {
  if (target !== undefined && ['fentry', 'fexit', 'tp_btf', 'lsm'].includes(program.type))
    program.setKernelFunction(target);
}

function said(e: unknown): string {
  if (!String((e as BpfError).code).startsWith('SKEP_')) throw e;
  return (e as BpfError).message;
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
  const open = compared.filter((c) => c.said === 'unknown');
  const line = `${about}: check and kernel agree on ${agreed} of ${programs} programs, ${unknown} not known`;
  const wrong = [...slandered, ...surprised].map(
    (c) => `  ${c.object} ${c.program}: said ${c.said} ${c.reason}, but ${c.wrong ?? 'it runs'}`,
  );
  const unsaid = open.map(
    (c) => `  ${c.object} ${c.program}: not known, ${c.reason}; ${c.wrong ?? 'it runs'}`,
  );
  return [line, ...wrong, ...unsaid].join('\n');
}
