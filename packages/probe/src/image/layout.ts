/**
 * The image layout, which is bee's (its spec "v0.0.0") plus annotations:
 *
 * - config: `application/ebpf.oci.image.config.v1+json`, always `{}`, titled `config.json`
 * - a layer per object: `application/ebpf.oci.image.program.v1+binary`, the ELF file as it is. The first is titled
 *   `program.o`, which is how bee finds it; the others have their own names as titles
 * - a layer per kernel without types: `application/vnd.dev.skep.btf.v1+binary`, minimal BTF, titled `RELEASE.btf`, with
 *   the kernel's release and architecture as annotations
 * - what bee drops when it pushes (platform, description, authors) or has no place for (title, version, …) is in the manifest's annotations and so travels
 */
export const CONFIG_TYPE = 'application/ebpf.oci.image.config.v1+json';
export const PROGRAM_TYPE = 'application/ebpf.oci.image.program.v1+binary';

export const BTF_TYPE = 'application/vnd.dev.skep.btf.v1+binary';

export const TITLE = 'org.opencontainers.image.title';

/** The texts of an image that bee has a place for, and the annotation of the manifest that holds each. */
export const BEE_TEXTS = {
  authors: 'org.opencontainers.image.authors',
  description: 'org.opencontainers.image.description',
} as const;

/** All texts of an image. https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md */
export const TEXTS = {
  ...BEE_TEXTS,
  title: TITLE,
  version: 'org.opencontainers.image.version',
  licenses: 'org.opencontainers.image.licenses',
  source: 'org.opencontainers.image.source',
} as const;

/** On the manifest: what the objects were built for, as docker writes it. */
export const PLATFORM = 'dev.skep.platform';
/** On the manifest: a JSON list of `PROG=TARGET`, where programs go unless the user says otherwise. */
export const ATTACH = 'dev.skep.attach';
/** On the manifest: parameters and values, a JSON list of NAME=VALUE. */
export const PARAMS = 'dev.skep.params';
/** On a layer: the object's own name, where the title is bee's `program.o`. */
export const OBJECT_NAME = 'dev.skep.object.name';

/** On a layer of types: `uname -r` of the kernel, and `x86_64` or `arm64`. */
export const KERNEL_RELEASE = 'dev.skep.kernel.release';
export const KERNEL_ARCHITECTURE = 'dev.skep.kernel.architecture';

export const CONFIG_TITLE = 'config.json';
export const PROGRAM_TITLE = 'program.o';

/** Objects are kilobytes; what claims more is no probe, and is not read into memory. 64 MiB. */
export const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** Media types of others, to say what an image is instead of only what it is not. */
export const FOREIGN_TYPES: ReadonlyMap<string, string> = new Map([
  ['application/vnd.gadget.ebpf.program.v1+binary', 'an Inspektor Gadget image'],
  ['application/vnd.gadget.config.v1+yaml', 'an Inspektor Gadget image'],
  ['application/vnd.wasm.content.layer.v1+wasm', 'a WebAssembly image (eunomia-bpf)'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'a container image'],
  ['application/vnd.oci.image.layer.v1.tar', 'a container image'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'a container image'],
]);
