// The names that make up an image; docs/image-spec.md says how they are put together.

/** Of every manifest: an image of ours. */
export const ARTIFACT_TYPE = 'application/vnd.dev.skep.probe.v1';
/** The config document: what the image is and what is in it. */
export const IMAGE_CONFIG_TYPE = 'application/vnd.dev.skep.probe.config.v1+json';
/** A layer with a BPF object, the ELF file as it is. */
export const OBJECT_TYPE = 'application/vnd.dev.skep.object.v1+binary';
/** The same, compressed by zstd: what an object of more than {@link PLAIN_OBJECT_BYTES} is stored as. */
export const PACKED_OBJECT_TYPE = 'application/vnd.dev.skep.object.v1+zstd';
/** 64 KiB. */
export const PLAIN_OBJECT_BYTES = 64 * 1024;
/** A layer with the minimal BTF of a kernel that has no types of its own. */
export const BTF_TYPE = 'application/vnd.dev.skep.btf.v1+binary';

/** Optional layers: a tar of the folder that was built, a README, Grafana dashboards, files of Prometheus rules. */
export const EXTRA_TYPES = {
  source: 'application/vnd.dev.skep.source.v1.tar',
  readme: 'text/markdown',
  dashboard: 'application/vnd.dev.skep.dashboard.v1+json',
  rules: 'application/vnd.dev.skep.rules.v1+yaml',
} as const;

/**
 * bee's layout (its spec "v0.0.0"): a config that is always `{}`, and a layer titled `program.o`, which is how bee finds
 * it. skep wrote it too before there was a layout of its own: of several objects the first is titled so, and what bee has
 * no place for is in annotations `dev.skep.…` of the manifest.
 */
export const CONFIG_TYPE = 'application/ebpf.oci.image.config.v1+json';
export const PROGRAM_TYPE = 'application/ebpf.oci.image.program.v1+binary';

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

// Written by skep before it had a config of its own.
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

/** Inspektor Gadget's: https://inspektor-gadget.io/docs/latest/spec/oci */
export const GADGET_CONFIG = 'application/vnd.gadget.config.v1+yaml';
export const GADGET_OBJECT = 'application/vnd.gadget.ebpf.program.v1+binary';
export const GADGET_WASM = 'application/vnd.gadget.wasm.program.v1+binary';
/** Kernels' types, a tar in the layout of btfhub-archive. */
export const GADGET_BTF = 'application/vnd.gadget.btfgen.v1+binary';
/** Layers of containers, in which bpfman packs an object. */
export const TAR_LAYER =
  /^application\/vnd\.(oci\.image\.layer\.v1\.tar(\+(gzip|zstd))?|docker\.image\.rootfs\.diff\.tar\.gzip)$/;

/** Media types of others, to say what an image is instead of only what it is not. */
export const FOREIGN_TYPES: ReadonlyMap<string, string> = new Map([
  ['application/vnd.gadget.ebpf.program.v1+binary', 'an Inspektor Gadget image'],
  ['application/vnd.gadget.config.v1+yaml', 'an Inspektor Gadget image'],
  ['application/vnd.wasm.content.layer.v1+wasm', 'a WebAssembly image (eunomia-bpf)'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'a container image'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'a container image'],
  ['application/vnd.oci.image.layer.v1.tar', 'a container image'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'a container image'],
]);
