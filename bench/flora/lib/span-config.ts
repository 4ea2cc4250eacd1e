/** Settings of the agent under which spans flow at its own limit for a whole machine, 200 a second. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

/** L7_SPAN_GAP of probes/l7/series.h is 5 ms. */
export const SPANS_PER_SECOND = 200;

/** Of each series up to twenty a second: with 200 series the machine's limit is what holds. Returns the file. */
export function spanConfig(place: Place): string {
  const file = join(place.dir, 'agent.yaml');
  writeFileSync(file, 'spans: { errors: 50ms, slow: 50ms, sample: 50ms }\n');
  return file;
}
