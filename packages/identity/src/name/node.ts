import { basename, dirname } from 'node:path';
import { interpreterOf } from '../language/programs.ts';
import {
  absolute,
  type CommandContext,
  firstOperand,
  isBland,
  isPlace,
  projectName,
  stem,
} from './context.ts';
import { ownTitle, titleWords } from './titles.ts';

const withValue = new Set(
  `-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title
  --icu-data-dir --openssl-config --input-type --watch-path --inspect-port --diagnostic-dir --redirect-warnings
  --trace-event-categories --disable-warning --tsconfig --config --preload -c --cwd --port -p --watch-preserve-output
  --experimental-default-type --localstorage-file --import-map --lock --cert --location --seed -P --project
  --max-http-header-size --dns-result-order --unhandled-rejections --heapsnapshot-signal --heapsnapshot-near-heap-limit
  --report-dir --report-directory --report-filename --report-signal --cpu-prof-dir --cpu-prof-name --cpu-prof-interval
  --heap-prof-dir --heap-prof-name --heap-prof-interval --tls-cipher-list --tls-keylog --secure-heap --secure-heap-min
  --v8-pool-size --use-largepages --disable-proto --allow-fs-read --allow-fs-write --snapshot-blob
  --max-old-space-size-percentage --experimental-config-file --network-family-autoselection-attempt-timeout`.split(
    /\s+/,
  ),
);
/** Programs that run the script which follows them. */
const runners =
  /^(?:tsx|ts-node(?:-esm|-dev)?|nodemon|babel-node|swc-node|esno|jiti|vite-node|c8|nyc|forever|dotenvx?)$/;

/** Folders whose node_modules are no project's: `npm install -g`, npx, the same of yarn and pnpm. */
const nobodys = /(?:^|\/)(?:lib|_npx\/[0-9a-f]+|(?:yarn|pnpm)\/global(?:\/\d+)?|pnpm\/dlx[^/]*(?:\/[^/]+)?)$/;

/** `node server.js`: the script, or where that says nothing, its package. */
export function nodeName(given: CommandContext): string | undefined {
  const words = titleWords(given);
  const written = ownTitle(given);
  // Next.js calls each of its servers so.
  if (written === 'next-server') {
    const cwd = given.cwd();
    return projectName(cwd && `${cwd}/x`, (folder) => packageName(given, folder)) ?? written;
  }
  if (written !== undefined) return written;
  const context = words === undefined ? given : { ...given, argv: spelled(words) };
  const { argv } = context;
  const title = argv.find((a) => a.startsWith('--title='))?.slice(8);
  if (title) return title;
  let at = firstOperand(argv, 1, withValue);
  // deno run, bun run, bun x
  if (
    at !== undefined &&
    context.runtime?.language !== 'nodejs' &&
    /^(?:run|x|serve|task|start)$/.test(argv[at]!)
  ) {
    at = firstOperand(argv, at + 1, withValue);
  }
  for (let hops = 0; at !== undefined && hops < 3 && runners.test(stem(toolOf(argv[at]!))); hops++) {
    const next = firstOperand(argv, at + 1, withValue);
    const word = next === undefined ? undefined : argv[next];
    at = word === 'watch' ? firstOperand(argv, next! + 1, withValue) : (next ?? at);
    if (next === undefined) break;
  }
  if (at === undefined || argv.slice(1, at).some((a) => /^(?:-e|--eval|-p|--print|-pe)$/.test(a)))
    return undefined;
  const script = argv[at]!;
  const path = absolute(context, script);
  const inside = /^(.*?)\/?node_modules\//.exec(script);
  if (inside !== null) {
    // A tool such as `next start` or `nest start` is the project's, not a service of its own.
    const manifest = absolute(context, `${inside[1] || '.'}/package.json`);
    const project = nobodys.test(inside[1]!)
      ? undefined
      : projectName(manifest, (f) => packageName(context, f));
    return project ?? bare(toolOf(script));
  }
  if (isPlace(script)) return projectName(path && `${path}/x`, (f) => packageName(context, f));
  const name = stem(script);
  if (!isBland(name)) return name;
  return projectName(path, (f) => packageName(context, f)) ?? name;
}

/** A title that begins with a script, with the program in front that runs it. */
function spelled(words: readonly string[]): readonly string[] {
  return interpreterOf(basename(words[0]!)) === undefined ? ['node', ...words] : words;
}

/** The innermost package that a script is of: pnpm keeps all in one `node_modules/.pnpm/next@14/node_modules/next`. */
function toolOf(script: string): string {
  return /^.*node_modules\/(?:\.bin\/)?((?:@[^/]+\/)?[^/]+)/.exec(script)?.[1] ?? script;
}

/** `@acme/shop` is `shop`, as npm calls its command. */
function bare(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function packageName(context: CommandContext, folder: string): string | undefined {
  if (dirname(folder) === '/' && isBland(folder.slice(1)) && folder === '/usr') return undefined;
  const text = context.readText(`${folder}/package.json`) ?? context.readText(`${folder}/deno.json`);
  // Taken by its shape, since only the beginning of the file may be here.
  const name = /^\s*\{[^{}[\]]*?"name"\s*:\s*"([^"\\]{1,214})"/s.exec(text ?? '')?.[1];
  return name === undefined || name === '' ? undefined : bare(name);
}

/** The names of the packages that a project depends on at run time; empty when it has no package.json. */
export function dependenciesOf(context: CommandContext): string[] {
  const at = firstOperand(context.argv, 1, withValue);
  let path = at === undefined ? undefined : absolute(context, context.argv[at]!);
  for (let level = 0; level < 5 && path !== undefined && path !== '/'; level++) {
    path = dirname(path);
    const text = context.readText(`${path}/package.json`);
    if (text === undefined) continue;
    const list = /"dependencies"\s*:\s*\{([^}]*)\}/.exec(text)?.[1] ?? '';
    return [...list.matchAll(/"([^"\\]+)"\s*:/g)].map((m) => m[1]!);
  }
  return [];
}
