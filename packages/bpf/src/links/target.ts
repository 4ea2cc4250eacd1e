import { BpfError } from '../errors.ts';

/** What is attached where, as far as sentences about it need to know. */
export interface Hook {
  /** Name of the program. */
  program: string;
  /** The program's {@link BpfProgram.type}. */
  kind: string;
  /** What the section or the caller named; may be empty. */
  target: string;
  /** The process whose calls are wanted, where one is named. */
  pid?: number | undefined;
}

/** `func+0x10` in its parts. */
export interface FunctionOffset {
  name: string;
  offset: number;
}

export function missingTarget(hook: Hook, example: string): BpfError {
  const what = hook.target === '' ? 'its section names no hook' : `"${hook.target}" is not such a name`;
  return new BpfError('SKEP_ATTACH', `Program "${hook.program}" (${hook.kind}) cannot be attached: ${what}`, {
    hint: `Name one in the section or as target, such as ${example}.`,
    object: hook.program,
  });
}

/** `sched/sched_switch` or `sched:sched_switch`. */
export function parseTracepoint(hook: Hook): [category: string, name: string] {
  const m = /^([^/:]+)[/:]([^/:]+)$/.exec(hook.target);
  if (!m) throw missingTarget(hook, 'sched/sched_switch');
  return [m[1]!, m[2]!];
}

/** `do_exit`, `do_exit+0x10`, `do_exit+16`. */
export function parseFunction(hook: Hook): FunctionOffset {
  const m = /^([A-Za-z0-9_.$@:~<>*?]+)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(hook.target);
  if (!m) throw missingTarget(hook, 'do_unlinkat');
  return { name: m[1]!, offset: Number(m[2] ?? 0) };
}

/** `/bin/bash:readline`, `libc.so.6:malloc+0x10`, `/bin/app:0x1234`. Names are any: Go has `main.(*Worker).Run`. */
export function parseUserFunction(hook: Hook): { path: string } & FunctionOffset {
  const m = /^([^:]+):(?:(0x[0-9a-f]+|\d+)|(.+?)(?:\+(0x[0-9a-f]+|\d+))?)$/i.exec(hook.target);
  if (!m) throw missingTarget(hook, '/bin/bash:readline');
  const [, path, place, name = '', offset = 0] = m;
  return { path: path!, name, offset: Number(place ?? offset) };
}

/**
 * `/usr/bin/node:node:http__server__request`: path, provider and name of a USDT probe. Without the path it is
 * looked for in the files of a process.
 */
export function parseUsdt(hook: Hook): [path: string | undefined, provider: string, name: string] {
  const m = /^(?:([^:]+):)?([^:]+):([^:]+)$/.exec(hook.target);
  if (!m) throw missingTarget(hook, 'libc.so.6:libc:setjmp');
  return [m[1], m[2]!, m[3]!];
}
