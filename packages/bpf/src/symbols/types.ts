/** A function that holds an address. */
export interface KnownFunction {
  readonly name: string;
  /** Its first address, in the same terms as the address that was looked up. */
  readonly start: number;
}

/** Functions by address: a symbol table, Go's table, a perf map. */
export interface FunctionTable {
  find(address: number): KnownFunction | undefined;
}

/**
 * What code a frame is in: the kernel's, a program's, a Go program's, or what a runtime compiled as it ran
 * (JavaScript, Java).
 */
export type FrameKind = 'kernel' | 'native' | 'go' | 'jit';

/** One frame of a stack. */
export interface Frame {
  readonly address: bigint;
  readonly kind: FrameKind;
  /** The function; undefined where nobody knows it. */
  readonly name?: string;
  /** Bytes from the function's start. */
  readonly offset?: number;
  /** The file's name without its folder, `[vdso]`, `[nf_tables]`; undefined for the kernel itself and unknown memory. */
  readonly module?: string;
  /** Where in the module's file, when the function is unknown. */
  readonly moduleOffset?: number;
}
