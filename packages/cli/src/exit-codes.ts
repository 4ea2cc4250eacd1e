/** What `skep` exits with. docs/exit-codes.md explains each; a test holds the two together. */
export const ExitCode = {
  ok: 0,
  general: 1,
  usage: 2,
  notFound: 3,
  permission: 4,
  kernel: 5,
  registry: 6,
  badInput: 7,
  unknown: 8,
  untrusted: 9,
} as const;

export type ExitCodeName = keyof typeof ExitCode;

/** One line a code, as `skep --help` shows them. */
export const exitCodeMeaning: Record<ExitCodeName, string> = {
  ok: 'done; for run also: stopped by Ctrl-C, --timeout or --max-events',
  general: 'failed for another reason (disk full, port occupied, …)',
  usage: 'the command line is wrong',
  notFound: 'the image, file or name asked for does not exist',
  permission: 'a capability or a file permission is missing',
  kernel: 'this kernel lacks something, or its verifier refused the program',
  registry: 'the registry or the network failed or refused',
  badInput: 'the source, object, image or store is not valid',
  unknown: 'check: nothing is refused, but something is not known',
  untrusted: 'no signature by a key that was named, or the policy of this machine refuses it',
};

/** Every error code of the packages and its class. A code that is not here exits 1; a test finds it. */
export const classes: Record<Exclude<ExitCodeName, 'ok'>, readonly string[]> = {
  general: [
    'SKEP_ABORTED',
    'SKEP_ADDON',
    'SKEP_AGENT_RUNNING',
    'SKEP_AGENT_SOCKET',
    'SKEP_ARGUMENT',
    'SKEP_CLOSED',
    'SKEP_DISK_FULL',
    'SKEP_FLAME',
    'SKEP_IDENTITY_OPTION',
    'SKEP_LISTEN',
    'SKEP_MAP_OPERATION',
    'SKEP_NAME_TAKEN',
    'SKEP_NOT_RUNNING',
    'SKEP_PIN',
    'SKEP_PORT_IN_USE',
    'SKEP_PROC_UNAVAILABLE',
    'SKEP_RUNNING',
    'SKEP_STATE',
    'SKEP_STATE_DAMAGED',
    'SKEP_STORE_BUSY',
  ],
  usage: [
    'SKEP_AGENT_CONFIG',
    'SKEP_FILTER_INVALID',
    'SKEP_HIST_INVALID',
    'SKEP_HOOK_UNKNOWN',
    'SKEP_IMAGE_FORMAT',
    'SKEP_MODIFIES',
    'SKEP_NO_BUFFER_CHOICE',
    'SKEP_OTLP',
    'SKEP_PARAM_INVALID',
    'SKEP_PARAM_UNKNOWN',
    'SKEP_PARAM_FILE',
    'SKEP_PIN_DIRECTORY',
    'SKEP_PLATFORM',
    'SKEP_REFERENCE_INVALID',
    'SKEP_TARGET',
    'SKEP_TEMPLATE',
    'SKEP_USAGE',
  ],
  notFound: [
    'SKEP_AGENT_ABSENT',
    'SKEP_AGENT_IMAGE',
    'SKEP_BUILDER',
    'SKEP_CLANG_MISSING',
    'SKEP_HEADERS_MISSING',
    'SKEP_NOT_BUILT',
    'SKEP_NOT_FOUND',
    'SKEP_NO_INSTANCE',
    'SKEP_SOURCE',
    'SKEP_VMLINUX',
  ],
  permission: ['SKEP_PERMISSION', 'SKEP_STATE_ACCESS', 'SKEP_STORE_ACCESS'],
  kernel: [
    'SKEP_AGENT_SELF_CHECK',
    'SKEP_ATTACH',
    'SKEP_LOAD',
    'SKEP_MAP_CREATE',
    'SKEP_NO_RUNG',
    'SKEP_RELOCATION',
    'SKEP_UNSUPPORTED',
    'SKEP_VERIFIER',
  ],
  registry: [
    'SKEP_AUTH_FILE',
    'SKEP_CA_FILE',
    'SKEP_DIGEST_MISMATCH',
    'SKEP_FORBIDDEN',
    'SKEP_NODE_PACKAGE',
    'SKEP_PROXY',
    'SKEP_REGISTRY',
    'SKEP_REGISTRY_TIMEOUT',
    'SKEP_REGISTRY_TLS',
    'SKEP_REGISTRY_UNREACHABLE',
    'SKEP_UNAUTHORIZED',
  ],
  badInput: [
    'SKEP_AGENT_KERNEL',
    'SKEP_ARCHIVE_INVALID',
    'SKEP_BTF_INVALID',
    'SKEP_BTF_MISSING',
    'SKEP_COMPILE',
    'SKEP_ELF_ENDIAN',
    'SKEP_ELF_INVALID',
    'SKEP_ELF_MACHINE',
    'SKEP_IMAGE_INVALID',
    'SKEP_IMAGE_UNSUPPORTED',
    'SKEP_KEY',
    'SKEP_LICENSE',
    'SKEP_MANIFEST_INVALID',
    'SKEP_MEDIA_TYPE',
    'SKEP_METADATA',
    'SKEP_NOTHING_TO_RUN',
    'SKEP_NO_MAP',
    'SKEP_OBJECT_INVALID',
    'SKEP_POLICY_FILE',
    'SKEP_RECORD_SHORT',
    'SKEP_STORE_CORRUPT',
    'SKEP_STORE_VERSION',
    'SKEP_STREAM_INVALID',
    'SKEP_TYPE_UNSUPPORTED',
  ],
  unknown: [],
  untrusted: ['SKEP_POLICY', 'SKEP_UNSIGNED'],
};

const byCode = new Map<string, ExitCodeName>();
for (const [name, codes] of Object.entries(classes) as [ExitCodeName, readonly string[]][]) {
  for (const code of codes) byCode.set(code, name);
}

/** The class of an error code, or undefined for one this table does not know. */
export function classOf(code: string): ExitCodeName | undefined {
  return byCode.get(code);
}
