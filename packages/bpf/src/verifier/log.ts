/** A verifier's log, taken apart as far as an explanation needs it. */
export interface VerifierLog {
  readonly lines: readonly string[];
  /** The line that says why. */
  readonly reason: string;
  /** Where in `lines` it is. */
  readonly reasonAt: number;
  /** Instruction that was being looked at, if any was. */
  readonly instruction?: number;
}

const INSTRUCTION = /^\s*(\d+): \([0-9a-f]{2}\) /;
/** `; code @ file.c:12` since 6.10, `; code` before. */
const SOURCE = /^; ?(.*)$/;
const SOURCE_PLACE = /^(.*?) ?@ ([^\s@]+):(\d+)$/;

/** Lines that tell what the verifier did, not why it refused. */
const NOISE = [
  /^\s*$/,
  INSTRUCTION,
  /^;/,
  /^processed \d+ insns/,
  /^(verification time|stack depth|BPF program verification)/,
  /-- (BEGIN|END) PROG LOAD LOG --/,
  /^libbpf: /,
  /^(func|arg)#\d+/,
  /^(cur|old) state:/,
  /^mark_precise|^(parent|last_idx|first_idx|regs=|frame\d+: regs=|parent didn't)/,
  /^from \d+ to \d+/,
  /^\s*\d+: ?(frame\d+: ?)?R\d/,
  /^\s*(frame\d+: ?)?R\d+(_[rw]+)?=/,
  /^(caller|callee|returning from callee|to caller at)\b/,
  /^(Validating|Func#|propagating|[Gg]lobal )/,
  /^(The |the )?\d+ (insns|states)/,
];

/** A reason that newer kernels print behind the instruction instead of below it. */
const INLINE = /^\s*\d+: \([0-9a-f]{2}\) .*?\b((?:infinite loop detected|back-edge from).*)$/;

/** Reads a log: the kernel's alone, or libbpf's with several in it, of which the last is meant. */
export function readVerifierLog(log: string): VerifierLog {
  const begin = log.lastIndexOf('-- BEGIN PROG LOAD LOG --');
  const end = begin < 0 ? -1 : log.indexOf('-- END PROG LOAD LOG --', begin);
  const lines = (begin < 0 ? log : log.slice(begin, end < 0 ? undefined : end)).split('\n');
  const [reason, reasonAt] = findReason(lines);
  for (let i = Math.min(reasonAt, lines.length - 1); i >= 0; i--) {
    const match = INSTRUCTION.exec(lines[i]!);
    if (match) return { lines, reason, reasonAt, instruction: Number(match[1]) };
  }
  return { lines, reason, reasonAt };
}

function findReason(lines: readonly string[]): [string, number] {
  let found = -1;
  for (let i = lines.length - 1; i >= 0; i--) {
    const inline = INLINE.exec(lines[i]!);
    if (inline && found < 0) return [inline[1]!.trim(), i];
    const noise = NOISE.some((n) => n.test(lines[i]!));
    // Of several such lines at the end the first is the cause, the others follow from it.
    if (noise && found >= 0) break;
    if (!noise) found = i;
  }
  if (found >= 0) return [lines[found]!.trim(), found];
  const last = lines.findLastIndex((l) => l.trim() !== '');
  return last < 0 ? ['the verifier said nothing', 0] : [lines[last]!.trim(), last];
}

/** The source line that the log itself shows for what is at `at`: `file.c:12: code`, or only the code. */
export function sourceBefore(lines: readonly string[], at: number): string | undefined {
  for (let i = at; i >= 0; i--) {
    const comment = SOURCE.exec(lines[i]!);
    if (!comment) continue;
    const place = SOURCE_PLACE.exec(comment[1]!);
    const code = (place ? place[1]! : comment[1]!).trim();
    if (code === '') continue;
    return place ? `${place[2]}:${place[3]}: ${code}` : code;
  }
  return undefined;
}

/** Where an instruction was looked at last, no later than `at`. */
export function lineOfInstruction(
  lines: readonly string[],
  instruction: number,
  at: number,
): number | undefined {
  const start = `${instruction}: (`;
  for (let i = at; i >= 0; i--) if (lines[i]!.trimStart().startsWith(start)) return i;
  return undefined;
}
