/** What may run on this machine, as its policy file says. */
export interface Policy {
  /** The file, for messages. */
  readonly file: string;
  /** By what the policy calls them: public keys in PEM, names of files that hold one, or whom a certificate must name. */
  readonly signers: ReadonlyMap<string, string | CertifiedName>;
  /** For messages: where each of them stands in the file. */
  readonly signerLines: ReadonlyMap<string, number>;
  readonly rules: readonly PolicyRule[];
}

/** A signer without a key of his own: whom his certificates name. In both names `*` stands for anything. */
export interface CertifiedName {
  readonly identity: string;
  readonly issuer: string;
  /** The file with the authorities and logs to trust. */
  readonly trustedRoot: string;
}

/** What holds for the images whose names fit. */
export interface PolicyRule {
  /** For messages: where it begins in the file. */
  readonly line: number;
  /** Names of images; `*` stands for anything, `/` too. */
  readonly images: readonly string[];
  readonly refuse: boolean;
  /** One of these must have signed it. */
  readonly signers?: readonly string[];
  /** It must be one of these. */
  readonly digests?: readonly string[];
  /** Kinds of programs that it may hold, by what their sections call them: `kprobe`, `tracepoint`. */
  readonly programTypes?: readonly string[];
  /** The only helpers that its programs may call. */
  readonly helpers?: readonly string[];
  /** Helpers that they may not call. */
  readonly refuseHelpers?: readonly string[];
  /** They may do nothing but look. */
  readonly observeOnly: boolean;
}
