import { basename } from 'node:path';
import { interpreterOf } from '../language/programs.ts';
import { type CommandContext, isBland, projectName, stem } from './context.ts';

const titles: readonly [RegExp, (m: RegExpExecArray, context: CommandContext) => string][] = [
  [/^php-fpm: pool (\S+)/, (m) => (m[1] === 'www' ? 'php-fpm' : m[1]!)],
  [/^php-fpm: /, () => 'php-fpm'],
  [/^puma(?:: cluster worker \d+)?.*\[([^\]]+)\]$/, (m, context) => tag(m[1]!, context, 'puma')],
  [/^puma[ :]/, () => 'puma'],
  [/^sidekiq \S+ (\S+) \[/, (m, context) => tag(m[1]!, context, 'sidekiq')],
  [
    /^gunicorn: (?:master|worker) \[([^\]:]+)[^\]]*\]/,
    (m, context) => trimmed(m[1]!, folder(context) ?? 'gunicorn'),
  ],
  [/^\[?celeryd: (\S+?)@/, () => 'celery'],
  [/^uvicorn|^uWSGI/, (m) => m[0].toLowerCase()],
  [/^Passenger (?:RubyApp|NodeApp|App): (\S+)/, (m) => lastFolder(m[1]!) ?? 'passenger'],
  [
    /^(unicorn|rainbows|pitchfork)(?:_rails)? (?:master|monitor|worker|mold|service|\()/,
    (m, context) => folder(context) ?? m[1]!,
  ],
  [
    /^(starman|starlet) (?:master|worker)(?:.* (\S+)\.psgi\b)?/,
    (m, context) => (m[2] && !isBland(stem(m[2])) ? stem(m[2]) : (folder(context) ?? m[1]!)),
  ],
  [/^(?:npm|pnpm|yarn) /, (m) => m[0].trim()],
  [/^PM2 v/, () => 'pm2'],
  // `nginx: worker process`, `postgres: writer`, `sshd: root@pts/0`
  [/^([a-z][\w.-]*): \S/, (m) => m[1]!],
];

/**
 * The name in a title that a program wrote over its command line: one argument with blanks, or none at all. A command
 * line whose first argument is a path is none.
 */
export function titleName(context: CommandContext): string | undefined {
  const { argv } = context;
  const [title] = argv;
  if (argv.length !== 1 || title === undefined || title.startsWith('/') || !title.includes(' '))
    return undefined;
  for (const [pattern, name] of titles) {
    const m = pattern.exec(title);
    if (m !== null) return name(m, context);
  }
  return undefined;
}

/**
 * What an interpreter's program wrote over its command line, taken apart: `next-server (v15.1.0)`, `node /srv/shop/server.js` as pm2
 * does. Undefined where the command line stands as it was.
 */
export function titleWords({ argv }: CommandContext): readonly string[] | undefined {
  if (argv.length !== 1) return undefined;
  const words = argv[0]!.split(/\s+/).filter((word) => word !== '');
  const [first] = words;
  // One of blanks alone is none.
  if (first === undefined) return undefined;
  return words.length > 1 || !isInterpreter(first) ? words : undefined;
}

/** The name in such a title: its first word, or the project where that is any program's. Undefined where it is a command line. */
export function ownTitle(context: CommandContext): string | undefined {
  const [first = ''] = titleWords(context) ?? [];
  if (first === '' || first.startsWith('/') || isInterpreter(first)) return undefined;
  const name = /[\w.@-]+/.exec(first)?.[0];
  return name === undefined || isBland(name) ? folder(context) : name;
}

function isInterpreter(word: string): boolean {
  return interpreterOf(basename(word)) !== undefined;
}

function trimmed(module: string, otherwise: string): string {
  const parts = module.split('.');
  while (parts.length > 1 && isBland(parts.at(-1)!)) parts.pop();
  const name = parts.join('.');
  return isBland(name) ? otherwise : name;
}

/** The folder that it was started in, as its title has it: of Capistrano's that is `current`, or when it was released. */
function tag(name: string, context: CommandContext, otherwise: string): string {
  return isBland(name) || /^\d+$/.test(name) ? (folder(context) ?? otherwise) : name;
}

/** The project that it was started in. */
function folder(context: CommandContext): string | undefined {
  const cwd = context.cwd();
  return projectName(cwd && `${cwd}/x`);
}

function lastFolder(path: string): string | undefined {
  return path.split('/').findLast((f) => f !== '' && !isBland(f));
}
