/** What skep.yaml says of a probe. */
export interface Metadata {
  /** The probe's name: one that an image can have. */
  name: string;
  version?: string;
  description?: string;
  authors?: string[];
  /** An SPDX expression. */
  license?: string;
  /** An address. */
  source?: string;
  /** Files of the folder, as written there. */
  sources?: string[];
  /** A file of the folder, as written there. */
  readme?: string;
  dashboards?: string[];
  rules?: string[];
  /** `true` or `false`. */
  embed_sources?: string;
  /** `PROG=TARGET` each, as behind `skep run --attach`. */
  attach?: string[];
  /** `NAME=VALUE` each, as behind `skep run --set`. */
  params?: string[];
  /** `[KIND=]MAP[:STRUCT]` each, as behind `skep run --show`. */
  show?: string[];
}
