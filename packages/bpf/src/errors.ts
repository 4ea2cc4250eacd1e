/**
 * Everything that can go wrong in this package, closed: callers may switch over it.
 *
 * | code | meaning |
 * | --- | --- |
 * | `SKEP_ELF_INVALID` | not an ELF file, or one that is truncated or contradicts itself |
 * | `SKEP_ELF_ENDIAN` | a big-endian object |
 * | `SKEP_ELF_MACHINE` | an ELF file for another machine than BPF |
 * | `SKEP_BTF_INVALID` | type information that is truncated or contradicts itself |
 * | `SKEP_BTF_MISSING` | no type information where it is needed |
 * | `SKEP_NOT_FOUND` | no program, map, global or type of that name |
 * | `SKEP_VERIFIER` | the kernel's verifier refused a program; `log` says why |
 * | `SKEP_PERMISSION` | a missing capability, or lockdown |
 * | `SKEP_UNSUPPORTED` | this kernel lacks what was asked for |
 * | `SKEP_MAP_CREATE` | a map could not be made |
 * | `SKEP_MAP_OPERATION` | reading or changing a map failed |
 * | `SKEP_RELOCATION` | a CO-RE or symbol relocation did not resolve |
 * | `SKEP_LOAD` | loading failed for another reason |
 * | `SKEP_ATTACH` | a program could not be attached |
 * | `SKEP_PIN` | a program, map or link could not be pinned |
 * | `SKEP_CLOSED` | used after `close()` |
 * | `SKEP_STATE` | asked for in the wrong order, such as a change of a map's size after load |
 * | `SKEP_ARGUMENT` | a key, value, name or option of the wrong shape |
 * | `SKEP_TYPE_UNSUPPORTED` | a type that has no values to decode (a function, void, a forward declaration) |
 * | `SKEP_RECORD_SHORT` | a record has fewer bytes than its type |
 * | `SKEP_ADDON` | the native addon is absent or does not fit this machine |
 */
export type BpfErrorCode =
  | 'SKEP_ELF_INVALID'
  | 'SKEP_ELF_ENDIAN'
  | 'SKEP_ELF_MACHINE'
  | 'SKEP_BTF_INVALID'
  | 'SKEP_BTF_MISSING'
  | 'SKEP_NOT_FOUND'
  | 'SKEP_VERIFIER'
  | 'SKEP_PERMISSION'
  | 'SKEP_UNSUPPORTED'
  | 'SKEP_MAP_CREATE'
  | 'SKEP_MAP_OPERATION'
  | 'SKEP_RELOCATION'
  | 'SKEP_LOAD'
  | 'SKEP_ATTACH'
  | 'SKEP_PIN'
  | 'SKEP_CLOSED'
  | 'SKEP_STATE'
  | 'SKEP_ARGUMENT'
  | 'SKEP_TYPE_UNSUPPORTED'
  | 'SKEP_RECORD_SHORT'
  | 'SKEP_ADDON';

/** What a {@link BpfError} carries besides its code and its sentence. */
export interface BpfErrorDetails {
  /** What to do next, as a sentence. Never empty. */
  hint: string;
  /** The object, program, map or file it is about. */
  object?: string;
  /** The kernel's errno, positive. */
  errno?: number;
  /** The verifier's or libbpf's log. */
  log?: string;
  cause?: unknown;
}

/**
 * The one error this package throws.
 *
 * `message` is a sentence that names the object and what was asked of it, `hint` a sentence with the way out.
 *
 * ```ts
 * throw new BpfError('SKEP_NOT_FOUND', 'probe.o has no map "evnts"', { hint: 'It has: events, stats.' });
 * ```
 */
export class BpfError extends Error {
  override readonly name = 'BpfError';
  readonly code: BpfErrorCode;
  readonly hint: string;
  readonly object?: string;
  readonly errno?: number;
  readonly log?: string;

  constructor(code: BpfErrorCode, message: string, details: BpfErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.object = details.object;
    this.errno = details.errno;
    this.log = details.log;
  }
}
