import { basename } from 'node:path';
import type { Btf } from '../btf/btf.ts';
import { lineInfo, sourceLineAt } from '../btf/line-info.ts';
import type { Elf } from '../elf/elf.ts';
import { hintFor } from './hints.ts';
import { lineOfInstruction, readVerifierLog, sourceBefore } from './log.ts';

/** What the verifier's log of one program comes down to. */
export interface VerifierExplanation {
  /** The one line that says why. */
  line: string;
  /** The C line it is about: `"probe.c:41: *value += 1;"`, without place where only the code is known. */
  source?: string;
  /** What usually mends it. */
  hint?: string;
}

/** Where source lines come from when the log has none, or none with a number (kernels before 6.10). */
export interface VerifierContext {
  elf?: Elf;
  btf?: Btf;
  /** The program's function name. */
  program?: string;
}

/**
 * Finds in a verifier's log what a person needs.
 *
 * ```ts
 * explainVerifierLog(error.log ?? '', { elf, program: 'on_getpid' });
 * // { line: "R0 invalid mem access 'map_value_or_null'", source: 'probe.c:6: *value += 1;', hint: 'The pointer may …' }
 * ```
 */
export function explainVerifierLog(log: string, context: VerifierContext = {}): VerifierExplanation {
  const read = readVerifierLog(log);
  const { lines, reason, reasonAt } = read;
  const explanation: VerifierExplanation = { line: reason };
  // A leak is found at the end, but made where the reference was taken; a loop where it begins.
  const named = /(?:alloc_insn=|detected at insn |back-edge from insn )(\d+)/.exec(reason);
  const instruction = named ? Number(named[1]) : read.instruction;
  const at = named ? (lineOfInstruction(lines, Number(named[1]), reasonAt) ?? reasonAt) : reasonAt;
  const shown = sourceBefore(lines, at);
  const source = shown?.match(/^[^\s:]+:\d+: /) ? shown : (sourceOf(instruction, context) ?? shown);
  if (source !== undefined) explanation.source = source;
  const hint = hintFor(reason);
  if (hint !== undefined) explanation.hint = hint;
  return explanation;
}

/** The source line of a program's instruction, from the object. */
function sourceOf(
  instruction: number | undefined,
  { elf, btf, program }: VerifierContext,
): string | undefined {
  if (instruction === undefined || !elf || program === undefined) return undefined;
  const symbol = elf.program(program);
  const section = symbol && elf.sections[symbol.section];
  // Functions that a program calls are put behind it at load; their instructions are not in its section.
  if (!symbol || !section || instruction * 8 >= symbol.size) return undefined;
  const lines = lineInfo(elf, btf).get(section.name) ?? [];
  const line = sourceLineAt(lines, symbol.value + instruction * 8);
  return line && `${basename(line.file)}:${line.line}: ${line.text}`;
}
