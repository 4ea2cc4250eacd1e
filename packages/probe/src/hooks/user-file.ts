import { globRegExp, type KernelFacts, type NoProgram, type Verdict } from '@skep/bpf';
import type { HookProgram } from './types.ts';
import { refused, unknown } from './verdict.ts';

/** What a file has not, where there is a file to look into. A number is a place in it, a path with `!` leads into an archive. */
export function userFunction({ type, target }: HookProgram, facts: KernelFacts): Verdict | undefined {
  const m = /^([^:!]+):([^:]+)$/.exec(target);
  if (!m) return undefined;
  const [, path, text] = m as unknown as [string, string, string];
  const names = facts.userFunctions?.(path);
  if (names === undefined) return undefined;
  // A place in a file needs no names, and no kind of file.
  const place = unknown(`whether an instruction begins at ${target} is not known`);
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) return names === 'absent' ? noProgram(path, names) : place;
  if (typeof names === 'string') return noProgram(path, names);
  const name = text.replace(/\+.*$/, '');
  const fits = /\.(multi|session)$/.test(type) ? globRegExp(name) : undefined;
  // A symbol may have its version behind it: memcpy@@GLIBC_2.14.
  const there = names.some((n) => (fits ? fits.test(n) : n === name || n.startsWith(`${name}@`)));
  if (there) return name === text || /\+(0x)?0+$/i.test(text) ? undefined : place;
  return refused(
    `${path} has no function ${name}`,
    'A stripped program has only what it exports: nm -D lists that.',
  );
}

/** The same of a USDT probe. Without a path it is looked for in a process that nobody has named yet. */
export function usdtProbe({ target }: HookProgram, facts: KernelFacts): Verdict | undefined {
  const m = /^([^:!]+):([^:]+:[^:]+)$/.exec(target);
  const probes = m && facts.usdtProbes?.(m[1]!);
  if (!probes) return undefined;
  if (typeof probes === 'string') return noProgram(m[1]!, probes);
  if (probes.names.includes(m[2]!)) return undefined;
  const has = `${m[1]} has no USDT probe ${m[2]}`;
  return probes.damaged
    ? refused(`${has} before the place where its notes of those are damaged`, 'Build or install it anew.')
    : refused(has, 'readelf -n lists those that it has.');
}

function noProgram(path: string, why: NoProgram): Verdict {
  if (why === 'unreadable') return unknown(`what ${path} has is not known: it cannot be read here`);
  return refused(
    why === 'absent' ? `there is no file ${path} here` : `${path} is no program or library`,
    'Say where it is with --attach.',
  );
}
