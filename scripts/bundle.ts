// Bundles packages/cli/src/main.ts, our packages and the npm packages they use into packages/cli/dist: ES2022,
// one chunk for what a command alone needs, so that each command loads only its own code.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'packages/cli/dist');

/**
 * In a chunk, `import.meta.url` would name the chunk. Files that lie beside a source (addon, headers, templates)
 * are found from the source's own place, so the place is kept; the npm package has the same folders.
 */
const sourcePlaces: Plugin = {
  name: 'source-places',
  setup(b) {
    b.onLoad({ filter: /\/packages\/[^/]+\/src\/.*\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const place = (p: string) => `new URL(${JSON.stringify(relative(dist, p))}, import.meta.url)`;
      const contents = text
        .replaceAll(/\bimport\.meta\.url\b/g, `${place(path)}.href`)
        .replaceAll(/\bimport\.meta\.dirname\b/g, `decodeURIComponent(${place(dirname(path))}.pathname)`)
        .replaceAll(/\bimport\.meta\.filename\b/g, `decodeURIComponent(${place(path)}.pathname)`);
      return { contents, loader: 'ts' };
    });
  },
};

/** Writes the bundle to a folder, as a whole, and says what went into it. */
export async function bundle(to: string = dist): Promise<Metafile> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['packages/cli/src/main.ts'],
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    chunkNames: '[name]-[hash]',
    // Names stay, so that a stack trace can be read; the rest is smaller to read from disk.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
    plugins: [sourcePlaces],
  });
  const fresh = `${to}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const file of result.outputFiles) {
    await writeFile(join(fresh, basename(file.path)), withRequire(file.text));
  }
  await rm(`${to}.old`, { recursive: true, force: true });
  await rename(to, `${to}.old`).catch((e: NodeJS.ErrnoException) => {
    if (e.code !== 'ENOENT') throw e;
  });
  await rename(fresh, to);
  await rm(`${to}.old`, { recursive: true, force: true });
  return result.metafile;
}

/** CommonJS packages ask for Node's own modules through `require`; only esbuild's shim chunk needs to have one. */
function withRequire(text: string): string {
  if (!text.includes('Dynamic require of')) return text;
  return `import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);${text}`;
}

if (import.meta.main) await bundle();
