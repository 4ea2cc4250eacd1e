import type { HookChoice } from './contract/hooks.ts';

/**
 * Everything this package refuses, closed: callers may switch over it. What the kernel refuses arrives as
 * `BpfError`, what a parameter's text got wrong as `ProbeError`.
 *
 * | code | meaning |
 * | --- | --- |
 * | `SKEP_PARAM_UNKNOWN` | no object has a global of that name |
 * | `SKEP_FILTER_INVALID` | a filter that does not parse, or names a map or member that is not there |
 * | `SKEP_HIST_INVALID` | buckets or value key of a histogram likewise |
 * | `SKEP_SHOW_INVALID` | a map that is to be shown is not there, or does not say what it holds |
 * | `SKEP_STREAM_INVALID` | a prefixed map whose types cannot yield what its prefix promises |
 * | `SKEP_PIN_DIRECTORY` | a pin directory that is not on bpffs, or a name in it that is taken |
 * | `SKEP_MODIFIES` | a program can do more than look, and that was not allowed |
 * | `SKEP_NO_BUFFER_CHOICE` | `buffer` for a probe of which no stream can use either kind |
 * | `SKEP_NOTHING_TO_RUN` | no object, or none with a program that attaches |
 * | `SKEP_HOOK_UNKNOWN` | a group of hooks or a rung that the probe does not offer |
 * | `SKEP_NO_RUNG` | this kernel has none of the alternatives of a group of hooks that the probe needs |
 * | `SKEP_PORT_IN_USE` | the address for /metrics is taken |
 * | `SKEP_FLAME` | `--flame` or `--folded` without a map of stacks to draw, or without a folder to write to |
 * | `SKEP_LISTEN` | the address for /metrics cannot be used for another reason |
 * | `SKEP_OTLP` | a URL or an OTEL_… variable that cannot be used |
 * | `SKEP_NO_MAP` | no object has a map of that name |
 */
export type RuntimeErrorCode =
  | 'SKEP_PARAM_UNKNOWN'
  | 'SKEP_FILTER_INVALID'
  | 'SKEP_HIST_INVALID'
  | 'SKEP_SHOW_INVALID'
  | 'SKEP_STREAM_INVALID'
  | 'SKEP_PIN_DIRECTORY'
  | 'SKEP_MODIFIES'
  | 'SKEP_NO_BUFFER_CHOICE'
  | 'SKEP_NOTHING_TO_RUN'
  | 'SKEP_HOOK_UNKNOWN'
  | 'SKEP_NO_RUNG'
  | 'SKEP_FLAME'
  | 'SKEP_PORT_IN_USE'
  | 'SKEP_LISTEN'
  | 'SKEP_OTLP'
  | 'SKEP_NO_MAP';

/**
 * The one error this package throws: `message` names the object and the fault, `hint` says the way out.
 *
 * ```ts
 * throw new RuntimeError('SKEP_FILTER_INVALID', 'filter "x,y,z": there is no map "x"', 'Maps: print_events.');
 * ```
 */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  readonly hint: string;
  /** Of `SKEP_NO_RUNG`: what became of each group of the object. */
  readonly hooks: readonly HookChoice[];

  constructor(
    code: RuntimeErrorCode,
    message: string,
    hint: string,
    cause?: unknown,
    hooks: readonly HookChoice[] = [],
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.hooks = hooks;
  }
}

/** `a, b and c`, or `none`. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  if (names.length === 1) return names[0]!;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
