/**
 * Everything that can go wrong in this package, closed: callers may switch over it.
 *
 * | code | meaning |
 * | --- | --- |
 * | `SKEP_CLANG_MISSING` | no clang on this machine, or one that cannot be run |
 * | `SKEP_BUILDER` | no container engine, or none that gets or runs the image of the compiler; `log` is what it wrote |
 * | `SKEP_COMPILE` | the compiler refused the source; `log` is what it wrote |
 * | `SKEP_SOURCE` | the source file cannot be read |
 * | `SKEP_VMLINUX` | vmlinux.h is needed and can neither be made nor read |
 * | `SKEP_HEADERS_MISSING` | libbpf's BPF headers are not on this machine |
 * | `SKEP_METADATA` | skep.yaml says something that it may not, or cannot be read |
 * | `SKEP_LICENSE` | the object calls helpers that the kernel keeps for GPL-compatible programs |
 * | `SKEP_PLATFORM` | a platform that is not known here |
 * | `SKEP_OBJECT_INVALID` | an object that is no probe: no type information, no program, a damaged map |
 * | `SKEP_PARAM_INVALID` | a parameter that does not exist, or a value that is not one of its type |
 * | `SKEP_PARAM_UNKNOWN` | a probe cannot be narrowed by what was asked for |
 * | `SKEP_PARAM_FILE` | a file of parameters that cannot be read |
 * | `SKEP_IMAGE_INVALID` | an image that contradicts itself or lacks what it must have |
 * | `SKEP_IMAGE_UNSUPPORTED` | an image of a kind that is not read here |
 * | `SKEP_IMAGE_FORMAT` | something that the format asked for cannot hold |
 * | `SKEP_TARGET` | where a program is to be attached: not said, or said in a form that its kind does not have |
 * | `SKEP_TEMPLATE` | a choice of `init` that does not exist |
 * | `SKEP_POLICY` | the policy of this machine does not allow it |
 * | `SKEP_POLICY_FILE` | that policy cannot be read |
 */
export type ProbeErrorCode =
  | 'SKEP_CLANG_MISSING'
  | 'SKEP_BUILDER'
  | 'SKEP_COMPILE'
  | 'SKEP_SOURCE'
  | 'SKEP_VMLINUX'
  | 'SKEP_HEADERS_MISSING'
  | 'SKEP_METADATA'
  | 'SKEP_LICENSE'
  | 'SKEP_PLATFORM'
  | 'SKEP_OBJECT_INVALID'
  | 'SKEP_PARAM_INVALID'
  | 'SKEP_PARAM_UNKNOWN'
  | 'SKEP_PARAM_FILE'
  | 'SKEP_IMAGE_INVALID'
  | 'SKEP_IMAGE_UNSUPPORTED'
  | 'SKEP_IMAGE_FORMAT'
  | 'SKEP_TARGET'
  | 'SKEP_TEMPLATE'
  | 'SKEP_POLICY'
  | 'SKEP_POLICY_FILE';

/** What a {@link ProbeError} carries besides its code and its sentence. */
export interface ProbeErrorDetails {
  /** What to do next, as a sentence. Never empty. */
  hint: string;
  /** What the compiler or the container engine wrote, colours kept when they were asked for. */
  log?: string;
  cause?: unknown;
}

/**
 * The one error this package throws itself (objects that cannot be read at all are `BpfError`s of `@skep/bpf`,
 * stores that cannot be read `OciError`s of `@skep/oci`).
 *
 * `message` is a sentence that names the file, object or parameter, `hint` a sentence with the way out.
 *
 * ```ts
 * throw new ProbeError('SKEP_TEMPLATE', 'There is no language "Rust".', { hint: 'Write C.' });
 * ```
 */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly code: ProbeErrorCode;
  readonly hint: string;
  readonly log?: string;

  constructor(code: ProbeErrorCode, message: string, details: ProbeErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.log = details.log;
  }
}
