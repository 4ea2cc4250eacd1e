/** A language as OpenTelemetry calls it (`telemetry.sdk.language`), and those that it has no name for. */
export type Language =
  | 'go'
  | 'nodejs'
  | 'python'
  | 'java'
  | 'ruby'
  | 'php'
  | 'dotnet'
  | 'rust'
  | 'cpp'
  | 'c'
  | 'erlang'
  | 'perl'
  | 'lua'
  | 'deno'
  | 'bun'
  | 'shell';

const programs: readonly [RegExp, Language][] = [
  [/^node(?:js)?(?:-?\d[\d.]*)?$/, 'nodejs'],
  [/^(?:python|pypy)(?:\d[\d.]*)?(?:-(?:dbg|intel64|venv))?[a-z]?$/, 'python'],
  [/^uwsgi(?:-core)?$/, 'python'],
  [/^javaw?$/, 'java'],
  [/^(?:ruby(?:-?\d[\d.]*)?|jruby|truffleruby)$/, 'ruby'],
  [/^php(?:-?(?:fpm|cgi|cli))?-?(?:\d[\d.]*)?$/, 'php'],
  [/^php-?\d[\d.]*-?(?:fpm|cgi|cli)$/, 'php'],
  [/^frankenphp$/, 'php'],
  [/^dotnet$/, 'dotnet'],
  [/^beam(?:\.smp|\.debug\.smp)?$/, 'erlang'],
  [/^perl(?:-?5[\d.]*)?$/, 'perl'],
  [/^(?:lua|luajit|luvit)(?:-?\d[\d.]*)?(?:-beta\d)?$/, 'lua'],
  [/^deno$/, 'deno'],
  // npm's package calls it bun.exe on every system.
  [/^bun(?:-profile)?(?:\.exe)?$/, 'bun'],
  [/^(?:ba|da|z|k|mk|c|tc|fi|a)?sh(?:\d[\d.]*)?(?:\.static|-static)?$/, 'shell'],
];

/** The language of a program that runs other people's code, by the name of its file; undefined for any other. */
export function interpreterOf(name: string): Language | undefined {
  return programs.find(([pattern]) => pattern.test(name))?.[1];
}
