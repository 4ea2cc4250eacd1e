import type { Frame } from './types.ts';

/**
 * A frame as one text: `write+0x14 (libc.so.6)`, `vfs_write+0x20`, `nft_do_chain+0x11 [nf_tables]`,
 * `[unknown] (app+0x1234)`, `[unknown] (0x7f0012345678)`.
 */
export function frameText(frame: Frame): string {
  const { name, offset = 0, module } = frame;
  if (name === undefined) return `[unknown] (${place(frame)})`;
  const text = `${name}+0x${offset.toString(16)}`;
  if (module === undefined) return text;
  return frame.kind === 'kernel' ? `${text} ${module}` : `${text} (${module})`;
}

function place({ module, moduleOffset, address }: Frame): string {
  if (module !== undefined && moduleOffset !== undefined) return `${module}+0x${moduleOffset.toString(16)}`;
  return module ?? `0x${address.toString(16)}`;
}

/** A frame without its offset, for pictures and sums by function: `write`, `[app]`, `[unknown]`. */
export function frameName({ name, module }: Frame): string {
  if (name !== undefined) return name;
  if (module === undefined) return '[unknown]';
  return module.startsWith('[') ? module : `[${module}]`;
}
