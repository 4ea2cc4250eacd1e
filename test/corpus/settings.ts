/** The functions of one file system would be named; these stand for them in every kernel, with the same arguments. */
const fileSystem = {
  file_read: 'generic_file_read_iter',
  file_write: 'generic_file_write_iter',
  file_open: 'generic_file_open',
  file_sync: 'vfs_fsync_range',
  getattr: 'vfs_getattr',
};

function dummies(names: readonly (keyof typeof fileSystem)[]): Record<string, string> {
  const kinds = ['entry', 'exit', 'fentry', 'fexit'];
  return Object.fromEntries(names.flatMap((n) => kinds.map((k) => [`${n}_${k}`, fileSystem[n]])));
}

const latency = ['fentry', 'fexit', 'kprobe', 'kretprobe'].map((kind) => [`dummy_${kind}`, 'vfs_read']);

/** What a tool's own user-space code says before it loads: where the programs go whose sections name a dummy. */
const targets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  biotop: { blk_account_io_start: 'vfs_read', blk_account_io_done: 'vfs_read' },
  fsdist: dummies(['file_read', 'file_write', 'file_open', 'file_sync', 'getattr']),
  fsslower: dummies(['file_read', 'file_write', 'file_open', 'file_sync']),
  funclatency: Object.fromEntries(latency),
};

/** Where the programs of a tool go that name no target of their own, by program. */
export function targetsOf(tool: string): Readonly<Record<string, string>> {
  return targets[tool] ?? {};
}

/** Sections that name a user's program, which a test would have to run, or nothing at all. */
export const unattached = new Set(['uprobe', 'uretprobe', 'usdt', 'perf_event']);
