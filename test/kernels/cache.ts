import { join } from 'node:path';
import { cacheHome } from '../../scripts/lib/apt.ts';

/** Where kernels and guests' root files are kept between runs. */
export const cacheDir = join(cacheHome, 'kernels');
