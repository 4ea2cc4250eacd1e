/** What an attestation says of an image: the part of an in-toto statement that is not about which image. */
export interface Predicate {
  /** A URI: what kind of thing the predicate is. */
  predicateType: string;
  predicate: object;
}

/** A file that went into a build. */
export interface BuildFile {
  /** Relative to the folder that was built; a plain name for a file outside it. */
  name: string;
  /** Hexadecimal. */
  sha256: string;
  /** Hexadecimal; SPDX asks for it. */
  sha1: string;
}

/** The objects of one platform, and what they were made of. */
export interface BuiltPlatform {
  /** `linux/amd64` */
  platform: string;
  objects: BuildFile[];
  /** Sources, and what of theirs they include. */
  sources: BuildFile[];
}

/** Where the sources were under version control. */
export interface SourceRevision {
  /** `git+https://…`, without a login; absent for a repository that has no remote. */
  uri?: string;
  /** Of the commit, hexadecimal. */
  commit: string;
  /** Whether a file that was read differs from the commit. */
  changed: boolean;
}

/** What is known of a build when it has ended. */
export interface BuildRecord {
  /** The probe's own name, or the image's. */
  name: string;
  version?: string;
  /** An SPDX expression. */
  licenses?: string;
  /** Where the sources can be had. */
  source?: string;
  platforms: readonly BuiltPlatform[];
  /** Versions of what built it, by name: `skep`, `clang`, `skep.h`. */
  tools: Readonly<Record<string, string>>;
  /** What the user asked for and a second build must be told too: `cflags`, `mcpu`, … */
  parameters: Readonly<Record<string, unknown>>;
  revision?: SourceRevision;
  /** Who vouches for what is said here; without it, whoever signs. A URI. */
  builderId?: string;
  /** Absent where a second build is to give the same bytes (`SOURCE_DATE_EPOCH`). */
  started?: Date;
  /** When the SBOM was made. */
  created: Date;
}
