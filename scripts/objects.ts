// Compiles the agent's probes into packages/agent/build/linux-ARCH, so that running it needs no compiler.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '@skep/probe';

const root = join(import.meta.dirname, '..');
/** As packages/agent/src/images/images.ts. */
const probes = ['http-red', 'processes'];

/** For this machine's architecture, or another with the types of a kernel of it. */
export async function buildObjects(arch: string = process.arch, vmlinux?: string): Promise<void> {
  const to = join(root, 'packages/agent/build', `linux-${arch}`);
  mkdirSync(to, { recursive: true });
  const other = arch === process.arch ? {} : { platform: `linux/${arch}`, vmlinux };
  for (const probe of probes) {
    const { object, diagnostics } = await compile({
      source: join(root, 'probes', probe, `${probe}.c`),
      ...other,
    });
    if (diagnostics) process.stderr.write(diagnostics);
    const path = join(to, `${probe}.o`);
    writeFileSync(`${path}.part`, object);
    renameSync(`${path}.part`, path);
  }
}

if (import.meta.main) await buildObjects();
