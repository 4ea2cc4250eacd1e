import { type CommandContext, isBland, projectName, stem } from './context.ts';

const titles: readonly [RegExp, (m: RegExpExecArray, context: CommandContext) => string][] = [
  [/^php-fpm: pool (\S+)/, (m) => (m[1] === 'www' ? 'php-fpm' : m[1]!)],
  [/^php-fpm: /, () => 'php-fpm'],
  [/^puma(?:: cluster worker \d+)?.*\[([^\]]+)\]$/, (m) => (isBland(m[1]!) ? 'puma' : m[1]!)],
  [/^puma[ :]/, () => 'puma'],
  [/^sidekiq \S+ (\S+) \[/, (m) => (isBland(m[1]!) ? 'sidekiq' : m[1]!)],
  [/^gunicorn: (?:master|worker) \[([^\]:]+)[^\]]*\]/, (m) => trimmed(m[1]!, 'gunicorn')],
  [/^\[?celeryd: (\S+?)@/, () => 'celery'],
  [/^uvicorn|^uWSGI/, (m) => m[0].toLowerCase()],
  [/^Passenger (?:RubyApp|NodeApp|App): (\S+)/, (m) => lastFolder(m[1]!) ?? 'passenger'],
  [/^(?:unicorn|rainbows)(?:_rails)? (?:master|worker)/, (_, context) => folder(context) ?? 'unicorn'],
  [
    /^(starman|starlet) (?:master|worker)(?:.* (\S+)\.psgi\b)?/,
    (m, context) => (m[2] && !isBland(stem(m[2])) ? stem(m[2]) : (folder(context) ?? m[1]!)),
  ],
  [/^(?:npm|pnpm|yarn) /, (m) => m[0].trim()],
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

function trimmed(module: string, otherwise: string): string {
  const parts = module.split('.');
  while (parts.length > 1 && isBland(parts.at(-1)!)) parts.pop();
  const name = parts.join('.');
  return isBland(name) ? otherwise : name;
}

/** The project that it was started in. */
function folder(context: CommandContext): string | undefined {
  const cwd = context.cwd();
  return projectName(cwd && `${cwd}/x`);
}

function lastFolder(path: string): string | undefined {
  return path.split('/').findLast((f) => f !== '' && !isBland(f));
}
