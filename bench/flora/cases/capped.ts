/** How much a server can do that may use a part of a CPU only, as a container with a limit: every variant, closed loop. */
import type { Part } from '../lib/case.ts';
import type { Language } from '../lib/variants.ts';
import { compare } from './compare.ts';

export function capped(c: { name: string; title: string; language: Language; query: string }): Part {
  return compare({ ...c, users: 20, cpus: 0.25, about: 'throughput' });
}
