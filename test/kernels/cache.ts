import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where kernels, guests' root files and lists are kept between runs, outside of any checkout. */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep', 'kernels');
