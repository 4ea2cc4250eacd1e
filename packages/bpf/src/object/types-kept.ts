import { native } from '../native.ts';

/** How long after a load the kernel's types are kept, 6 MB. */
const KEPT_MS = 10_000;

let drops: NodeJS.Timeout | undefined;

/**
 * To be called after each load: libbpf has read the kernel's types for it, which takes half of the time of a small
 * probe's load, and the next one has them already when it comes soon, as those of an agent or of an image do.
 */
export function keepKernelTypes(): void {
  clearTimeout(drops);
  drops = setTimeout(() => native().kernelTypesDrop(), KEPT_MS).unref();
}
