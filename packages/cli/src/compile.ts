import { basename } from 'node:path';
import type { CompileOptions, CompileResult } from '@skep/probe';
import { useColor } from './output/color.ts';
import { note } from './output/out.ts';

/** Compiles one C file and shows the compiler's warnings; its errors come with SKEP_COMPILE. */
export async function compileFile(
  source: string,
  options: Omit<CompileOptions, 'source' | 'color'>,
): Promise<
  { name: string } & Pick<CompileResult, 'object' | 'files' | 'skepHeader' | 'clang' | 'builderImage'>
> {
  const { compile } = await import('@skep/probe');
  const { diagnostics, ...result } = await compile({ ...options, source, color: useColor(process.stderr) });
  if (diagnostics) note(diagnostics.trimEnd());
  return { name: probeName(source), ...result };
}

/** `dir/tcpconnect.bpf.c` is the probe `tcpconnect`. */
export function probeName(file: string): string {
  return basename(file).replace(/(\.bpf)?\.[co]$/, '');
}

/**
 * What an object is called in an image: there a name is a plain file name on every machine, so `mèo mun.c` is
 * `meo_mun.o`.
 */
export function objectName(file: string): string {
  const letters = probeName(file).normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return `${letters
    .replaceAll(/[^\w.+-]/gu, '_')
    .replace(/^\./, '_')
    .slice(0, 100)}.o`;
}
