// Bundles packages/cli/src/main.ts, our packages and the npm packages they use into packages/cli/dist: ES2022,
// one chunk for what a command alone needs, so that each command loads only its own code.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type BuildResult, build, type Metafile, type Plugin } from 'esbuild';

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

/** Commander imports `node:child_process`, which it has no use for here, and which costs each start milliseconds. */
const lightCommander: Plugin = {
  name: 'light-commander',
  setup(b) {
    b.onLoad({ filter: /\/commander\/lib\/command\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text
        .replace("import childProcess from 'node:child_process';", '')
        .replaceAll('childProcess.spawn', "process.getBuiltinModule('node:child_process').spawn");
      return { contents, loader: 'js' };
    });
  },
};

/**
 * For `skep run` everything is in one file: taken apart into what it shares with each of the other commands it would be
 * over thirty, and half a millisecond each is what a probe waits for before it runs. The others are not in it: main.ts
 * takes it when the first argument is `run`, so none of them is asked for.
 */
const runEntry = 'packages/cli/src/run-cli.ts';
const runApart: Plugin = {
  name: 'run-apart',
  setup(b) {
    b.onResolve({ filter: /^\.\/run-cli\.ts$/ }, () => ({ path: './run-cli.js', external: true }));
  },
};

/**
 * Of `skep agent` as well: the agent is half of the packages, over fifty chunks. Its settings' reader is a YAML parser and a
 * schema, which only who has a file of settings reads.
 */
const agentEntry = 'packages/cli/src/agent-cli.ts';
const agentApart: Plugin = {
  name: 'agent-apart',
  setup(b) {
    b.onResolve({ filter: /^\.\/agent-cli\.ts$/ }, () => ({ path: './agent-cli.js', external: true }));
  },
};
const agentConfigEntry = { in: 'packages/agent/src/config/index.ts', out: 'agent-config' };
const agentConfigApart: Plugin = {
  name: 'agent-config-apart',
  setup(b) {
    b.onResolve({ filter: /^@skep\/agent\/config$/ }, () => ({ path: './agent-config.js', external: true }));
  },
};
/**
 * `skep push`, `pull` and `copy` of a small image take hardly longer than their start, and would load twenty-four chunks.
 * Their file has no other command in it: main.ts takes it when one of them is the first argument, so none is asked for.
 */
const transferEntry = 'packages/cli/src/transfer-cli.ts';
const transferApart: Plugin = {
  name: 'transfer-apart',
  setup(b) {
    b.onResolve({ filter: /^\.\/transfer-cli\.ts$/ }, () => ({ path: './transfer-cli.js', external: true }));
  },
};
const othersOnly =
  /^\.\/(archive\/(load|save)|registry\/(delete|repository|referrers)|check-store|pack-attestations)\.ts$/;
/** Leaves every command out but these. */
function only(...commands: string[]): Plugin {
  const wanted = new RegExp(`/(${commands.join('|')})\\.ts$`);
  return {
    name: 'only',
    setup(b) {
      b.onResolve({ filter: /^\.\/commands\// }, ({ path }) =>
        wanted.test(path) ? undefined : { path: './main.js', external: true },
      );
      // What only the other commands do with images and registries.
      b.onResolve({ filter: othersOnly }, () => ({ path: './main.js', external: true }));
      for (const [command, file] of [
        ['pull', 'pull-all'],
        ['copy', 'copy'],
      ] as const) {
        if (commands.includes(command)) continue;
        const filter = new RegExp(`^\\./registry/${file}\\.ts$`);
        b.onResolve({ filter }, () => ({ path: './main.js', external: true }));
      }
    },
  };
}

/**
 * Nor does `skep run` often read a YAML file, a probe's or one of parameters: the readers, most of each a YAML parser, stay
 * files of their own there too.
 */
const yamlEntries = ['packages/probe/src/metadata/parse.ts', 'packages/probe/src/params/parse-file.ts'];
const yamlApart: Plugin = {
  name: 'yaml-apart',
  setup(b) {
    b.onResolve({ filter: /^\.\/parse(-file)?\.ts$/ }, ({ importer, path }) => {
      const entry = join(dirname(importer), path);
      return yamlEntries.some((y) => join(root, y) === entry)
        ? { path: path.replace(/\.ts$/, '.js'), external: true }
        : undefined;
    });
  },
};

/**
 * Only `skep run --otlp` (and the agent) sends by OTLP, and 45 kB of OpenTelemetry's serializers are nothing that each start
 * should read: a file of its own, in every bundle.
 */
const otlpEntry = { in: 'packages/runtime/src/otlp/index.ts', out: 'otlp' };
const otlpApart: Plugin = {
  name: 'otlp-apart',
  setup(b) {
    b.onResolve({ filter: /^@skep\/runtime\/otlp$/ }, () => ({ path: './otlp.js', external: true }));
  },
};

/**
 * Signatures and policies are for `push` and `run` only when there are some: a file of its own, which the two find beside
 * theirs. Its own copy of our packages is as good as theirs, since an error is known by its shape.
 */
const trustEntry = { in: 'packages/cli/src/trust/index.ts', out: 'trust' };
const trustApart: Plugin = {
  name: 'trust-apart',
  setup(b) {
    b.onResolve({ filter: /\/trust\/index\.ts$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './trust.js', external: true },
    );
  },
};

/**
 * Certificates are rarer than signatures, and checking them takes Sigstore's libraries: a file of its own, which `verify` and
 * a policy that names such a signer find.
 */
const keylessEntry = { in: 'packages/oci/src/signatures/keyless.ts', out: 'keyless' };
const keylessApart: Plugin = {
  name: 'keyless-apart',
  setup(b) {
    b.onResolve({ filter: /^@skep\/oci\/keyless$/ }, () => ({ path: './keyless.js', external: true }));
  },
};

/**
 * What runs in the background and what is done with it: of `skep run` only `-d` and a list need it. A file of its own for
 * `run`, which shares its parts with the other commands.
 */
const instancesEntry = { in: 'packages/cli/src/instances/index.ts', out: 'instances' };
const instancesApart: Plugin = {
  name: 'instances-apart',
  setup(b) {
    b.onResolve({ filter: /\/instances\/index\.ts$/ }, () => ({ path: './instances.js', external: true }));
  },
};

/** Images of other tools are rare, and reading gadget.yaml takes a YAML parser: a file of its own. */
const foreignEntry = { in: 'packages/probe/src/foreign/index.ts', out: 'foreign' };
const foreignApart: Plugin = {
  name: 'foreign-apart',
  setup(b) {
    b.onResolve({ filter: /\/foreign\/index\.ts$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './foreign.js', external: true },
    );
  },
};

async function buildEntry(
  entry: string | readonly { in: string; out: string }[] | { in: string; out: string },
  splitting: boolean,
  plugins: Plugin[],
): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    absWorkingDir: root,
    entryPoints: (Array.isArray(entry) ? entry : [entry]) as string[],
    outdir: dist,
    bundle: true,
    splitting,
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
    plugins: [sourcePlaces, lightCommander, ...plugins],
  });
}

/** Writes the bundle to a folder, as a whole, and says what went into it. */
export async function bundle(to: string = dist): Promise<Metafile> {
  const results = [
    await buildEntry([{ in: 'packages/cli/src/main.ts', out: 'main' }, instancesEntry], true, [
      runApart,
      agentApart,
      agentConfigApart,
      transferApart,
      yamlApart,
      otlpApart,
      trustApart,
      keylessApart,
      foreignApart,
    ]),
    await buildEntry(runEntry, false, [
      only('run'),
      yamlApart,
      otlpApart,
      trustApart,
      instancesApart,
      foreignApart,
    ]),
    await buildEntry(agentEntry, false, [
      only('agent'),
      agentConfigApart,
      yamlApart,
      otlpApart,
      trustApart,
      foreignApart,
    ]),
    await buildEntry(transferEntry, false, [
      only('push', 'pull', 'copy'),
      yamlApart,
      trustApart,
      foreignApart,
    ]),
    ...(await Promise.all(
      [...yamlEntries, otlpEntry, trustEntry, keylessEntry, agentConfigEntry, foreignEntry].map((entry) =>
        buildEntry(entry, false, [keylessApart]),
      ),
    )),
  ];
  const fresh = `${to}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const file of results.flatMap((r) => r.outputFiles)) {
    const name = basename(file.path);
    // The entry has to link on a Node that is too old for all else.
    const text = name === 'main.js' ? file.text : lightImports(file.text);
    await writeFile(join(fresh, name), withRequire(text));
  }
  await rm(`${to}.old`, { recursive: true, force: true });
  await rename(to, `${to}.old`).catch((e: NodeJS.ErrnoException) => {
    if (e.code !== 'ENOENT') throw e;
  });
  await rename(fresh, to);
  await rm(`${to}.old`, { recursive: true, force: true });
  return {
    inputs: Object.assign({}, ...results.map((r) => r.metafile.inputs)),
    outputs: Object.assign({}, ...results.map((r) => r.metafile.outputs)),
  };
}

/**
 * `import{readFile}from"node:fs"` reads every export of the module, getters among them: of fs that loads streams, of process
 * it opens all three standard ones, of http it loads fetch. Taken as an object, a module gives only what is asked for. esbuild's output is a statement an import, in the order in which modules need each other.
 */
export function lightImports(text: string): string {
  return text.replaceAll(
    /(?<=^|[;}\n])import ?(\{[^}]*\}|(?:\*as )?[\w$]+) ?from"(node:[\w/]+)";/g,
    (_, names: string, of: string) =>
      `const ${names.replace(/^\*as /, '').replaceAll(' as ', ':')}=globalThis.process.getBuiltinModule("${of}");`,
  );
}

/** CommonJS packages ask for Node's own modules through `require`; only esbuild's shim chunk needs to have one. */
function withRequire(text: string): string {
  if (!text.includes('Dynamic require of')) return text;
  return `import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);${text}`;
}

if (import.meta.main) await bundle();
