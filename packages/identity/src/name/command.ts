import { basename } from 'node:path';
import { absolute, type CommandContext, firstOperand, isBland, projectName, stem } from './context.ts';
import { javaName } from './java.ts';
import { oneLine } from './line.ts';
import { nodeName } from './node.ts';
import { pythonName } from './python.ts';
import { ownTitle, titleName } from './titles.ts';

const LONGEST = 128;
/** One file, many programs: the name is what it was called by. */
const multicall = /^(?:busybox(?:\.\w+)?|toybox|coreutils|sbase-box|hush)$/;
const scriptFile = /\.(?:f?cgi|pl|py|rb|php|sh|bash|lua|[cm]?js)$/;
const rubyServers =
  /^(?:puma|unicorn|rails|rackup|sidekiq|thin|passenger|falcon|bundle|spring|resque|rake|iodine|agoo|pitchfork|hanami|webrick)$/;

/**
 * A name for what a process does, from its program and main argument: `node server.js` is not "node". Never empty.
 * The program's own name is the answer where the arguments say nothing.
 */
export function commandName(context: CommandContext): string {
  const name = titleName(context) ?? ofLanguage(context) ?? programName(context);
  return oneLine(name, LONGEST) || oneLine(context.comm, LONGEST) || 'unknown';
}

function ofLanguage(context: CommandContext): string | undefined {
  switch (context.runtime?.language) {
    case 'nodejs':
    case 'deno':
    case 'bun':
      return runsScripts(context) ? nodeName(context) : undefined;
    case 'python':
      return runsScripts(context) ? pythonName(context) : undefined;
    case 'java':
      return runsScripts(context) ? javaName(context) : undefined;
    case 'ruby':
      return rubyName(context);
    case 'php':
      return phpName(context);
    case 'dotnet':
      return dotnetName(context);
    case 'erlang':
      return erlangName(context);
    case 'perl':
      return perlName(context);
    case 'lua':
    case 'shell':
      return scriptName(context);
    case 'go':
      return goName(context);
    default:
      return undefined;
  }
}

/** A program that has its runtime built in (a packed Node program, jsvc) is called by its own name. */
function runsScripts(context: CommandContext): boolean {
  return /^(?:node|nodejs|deno|bun|java|javaw|python|pypy|uwsgi)[\d.-]*[a-z]?(?:-\w+)?(?:\.exe)?$/.test(
    basename(context.exe ?? ''),
  );
}

function rubyName(context: CommandContext): string | undefined {
  const { argv } = context;
  const written = ownTitle(context);
  if (written !== undefined) return written;
  let at = firstOperand(argv, 1, new Set(['-I', '-r', '-C', '-E', '-x']));
  if (at !== undefined && stem(argv[at]!) === 'bundle' && argv[at + 1] === 'exec')
    at = firstOperand(argv, at + 2);
  if (at === undefined || argv.slice(1, at).includes('-e')) return undefined;
  const name = stem(argv[at]!);
  if (!rubyServers.test(name) && !isBland(name)) return name;
  const cwd = context.cwd();
  return projectName(rubyServers.test(name) ? cwd && `${cwd}/x` : absolute(context, argv[at]!)) ?? name;
}

function phpName(context: CommandContext): string | undefined {
  const { argv } = context;
  const program = basename(context.exe ?? '');
  if (/fpm/.test(program)) return 'php-fpm';
  if (!program.startsWith('php')) return undefined;
  const script = firstOperand(argv, 1, new Set(['-d', '-c', '-S', '-t', '-z', '-f']));
  const file = script === undefined ? argv[argv.indexOf('-f') + 1] : argv[script];
  const cwd = context.cwd();
  if (file === undefined || argv.includes('-r') || argv.includes('-S')) {
    return argv.includes('-S') ? projectName(cwd && `${cwd}/x`) : undefined;
  }
  const name = stem(file);
  const generic = isBland(name) || name === 'artisan' || name === 'console';
  return generic ? (projectName(absolute(context, file)) ?? name) : name;
}

function dotnetName(context: CommandContext): string | undefined {
  const { argv } = context;
  if (basename(context.exe ?? '') !== 'dotnet') return undefined;
  const dll = argv.find((a, i) => i > 0 && /\.(?:dll|exe)$/i.test(a));
  if (dll !== undefined) return stem(dll);
  const cwd = context.cwd();
  return argv[1] === 'run' || argv[1] === 'watch' ? projectName(cwd && `${cwd}/x`) : undefined;
}

/** What `-s` and `-run` start that is Erlang's or Elixir's own, or a tool beside the program. */
const erlangModules =
  /^(?:init|elixir|iex|mix|application|inets|crypto|ssl|shell|user|reloader|sync|observer|logger)$/;

/** By the node's name, a release's folder, the project that mix runs in, the module that is started, or Elixir's script. */
function erlangName(context: CommandContext): string | undefined {
  const { argv } = context;
  const at = argv.findIndex((a) => a === '-sname' || a === '-name');
  const node = at < 0 ? undefined : argv[at + 1];
  if (node !== undefined) return node.split('@')[0];
  const release = /([^/]+)\/releases\//.exec(argv[argv.indexOf('-boot') + 1] ?? '')?.[1];
  if (release !== undefined && !isBland(release)) return release;
  const cwd = context.cwd();
  if (argv.some((a) => basename(a) === 'mix')) return projectName(cwd && `${cwd}/x`);
  const extra = argv.indexOf('-extra');
  const own = extra < 0 ? argv : argv.slice(0, extra);
  const module = own.find((a, i) => /^-(?:s|run)$/.test(own[i - 1] ?? '') && !erlangModules.test(a));
  if (module !== undefined) return module;
  // `elixir web.exs`
  const script = argv.find((a, i) => extra >= 0 && i > extra && /\.exs?$/.test(a));
  if (script === undefined) return undefined;
  return isBland(stem(script)) ? projectName(absolute(context, script)) : stem(script);
}

const perlServers = /^(?:plackup|starman|starlet|twiggy|gazelle|monoceros|hypnotoad|morbo)$/;

/** `plackup shop.psgi` is shop. A program that sets `$0` has nothing but that left of its command line. */
function perlName(given: CommandContext): string | undefined {
  const title =
    given.argv.length === 1 ? (given.argv[0]?.split(' ').filter((word) => word !== '') ?? []) : [];
  const retitled = title.length > 0 && !/^perl[\d.]*$/.test(basename(title[0]!));
  const context = retitled ? { ...given, argv: ['perl', ...title] } : given;
  const name = scriptName(context);
  if (name === undefined || !perlServers.test(name)) return name;
  const { argv } = context;
  const served = argv.findLastIndex((a) => stem(a) === name);
  const app =
    argv.slice(served + 1).find((a) => a.endsWith('.psgi')) ??
    (/^(?:hypnotoad|morbo)$/.test(name) ? argv.at(-1) : undefined);
  if (app !== undefined && !isBland(stem(app)) && stem(app) !== name) return stem(app);
  const cwd = context.cwd();
  return projectName(app === undefined ? cwd && `${cwd}/x` : absolute(context, app)) ?? name;
}

function scriptName(context: CommandContext): string | undefined {
  const at = firstOperand(context.argv, 1, new Set(['-o', '-O', '-I', '-M']));
  if (at === undefined || context.argv.slice(1, at).some((a) => /^-\w*[ce]$/.test(a))) return undefined;
  const script = context.argv[at]!;
  if (/^\/(?:dev|proc)\//.test(script)) return undefined; // a descriptor that it was handed
  const name = stem(script);
  return isBland(name) ? (projectName(absolute(context, script)) ?? name) : name;
}

/** A Go program called `main` or `server` goes by its main package, else its module. */
function goName(context: CommandContext): string | undefined {
  const name = stem(context.exe ?? '');
  if (!isBland(name) && !name.startsWith('__debug_bin')) return undefined;
  // `go run main.go`
  if (/\/go-build\d+\/b\d+\/exe\/[^/]+$/.test(context.exe ?? '')) {
    const cwd = context.cwd();
    return projectName(cwd && `${cwd}/x`) ?? name;
  }
  const go = context.runtime?.go;
  const parts = [...(go?.path?.split('/') ?? []), ...(go?.module?.path.split('/') ?? [])];
  return parts.findLast(
    (p) =>
      !isBland(p) && !/^v\d+$/.test(p) && p !== 'cmd' && p !== 'command-line-arguments' && !p.endsWith('.go'),
  );
}

const loaderOptions = new Set([
  '--library-path',
  '--argv0',
  '--preload',
  '--inhibit-rpath',
  '--audit',
  '-L',
  '-cpu',
  '-E',
  '-0',
]);

function programName(context: CommandContext): string {
  const { exe, argv, comm } = context;
  // A program in a memfd has a file name that nobody gave it.
  const program =
    exe === undefined || exe.startsWith('/memfd:') ? basename(argv[0] ?? '') || comm : basename(exe);
  // The linker, or an emulator, by whose name a program was started.
  if (/^(?:ld-(?:linux|musl)|qemu-\w+(?:-static)?$)/.test(program)) {
    const at = firstOperand(argv, 1, loaderOptions);
    if (at !== undefined) return stem(argv[at]!);
  }
  if (multicall.test(program)) {
    const called = argv.find((a) => !a.startsWith('-') && !multicall.test(basename(a)));
    if (called !== undefined) return basename(called);
  }
  // A script that was over before its interpreter was seen is called as one that was seen.
  const name = scriptFile.test(program) ? stem(program) : program;
  return isBland(name) ? (projectName(exe && absolute(context, exe)) ?? name) : name;
}
