import { type Check, tried } from './check.ts';

const area = 'Building';

/** What `skep build` needs. Images run without. */
export async function checkTools(): Promise<Check[]> {
  const { findClang, headerDirs } = await import('@skep/probe');
  return [
    await tried(area, 'clang', async () => {
      const { path, version, warning } = await findClang();
      return `${path} ${version}${warning ? ` (${warning.replace(/\.$/, '')})` : ''}`;
    }),
    await tried(area, 'headers', () => `${headerDirs().libbpf}/bpf`),
  ];
}
