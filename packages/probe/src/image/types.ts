/** A probe as an image holds it for one platform. */
export interface ProbeImage {
  /** What it is called; the reference it is stored under when {@link packImage} is given none. */
  name: string;
  /** The objects that run together, in the order in which they are loaded. */
  objects: { name: string; bytes: Uint8Array }[];
  /** What stands in for the types of kernels that have none of their own: one for each such kernel. */
  kernelTypes?: KernelTypes[];
  description?: string;
  authors?: string;
  /** The probe's own name, whatever the image is called. */
  title?: string;
  version?: string;
  /** Of the sources, as an SPDX expression. */
  licenses?: string;
  /** Where the sources can be had. */
  source?: string;
  /** `PROG=TARGET` each: where programs go unless the user says otherwise. */
  attach?: readonly string[];
  /** `NAME=VALUE` each, as behind `skep run --set`: parameters of which nothing else says a value. */
  params?: readonly string[];
  /** `[KIND=]MAP[:STRUCT]` each, as behind `skep run --show`: maps that are shown though their names do not say so. */
  show?: readonly string[];
  /** `linux/amd64`; without it, the machine's that packs. */
  platform?: string;
  /** What goes along for people and other programs, and is not loaded. {@link unpackImage} leaves it where it is. */
  extras?: readonly ExtraLayer[];
  /** What of a foreign image is not as its maker meant it, a sentence each. */
  notes?: readonly string[];
  /** The version of skep.h that the objects were compiled with. */
  skepHeader?: string;
  /** Left out unless given or `SOURCE_DATE_EPOCH` is set, so that the same input has the same digest. */
  created?: Date;
}

/** What an optional layer holds; {@link EXTRA_TYPES} has their media types. */
export type ExtraKind = 'source' | 'readme' | 'dashboard' | 'rules';

/** An optional layer. */
export interface ExtraLayer {
  kind: ExtraKind;
  /** Its title: a plain file name, as which other tools write it. */
  name: string;
  bytes: Uint8Array;
}

/** The part of a kernel's BTF that the objects of an image need. */
export interface KernelTypes {
  /** `uname -r` of that kernel. */
  release: string;
  architecture: 'x86_64' | 'arm64';
  bytes: Uint8Array;
}
