/** The sink (apps/go/sink), started once and asked what came. */
import { join } from 'node:path';
import { built, type Place, SINK } from './place.ts';
import { get, launch, type Running } from './process.ts';

export interface Received {
  readonly spans: number;
  readonly metrics: number;
  readonly requests: number;
  readonly bytes: number;
  readonly profiles: number;
  readonly statsd: number;
  /** What could not be decoded. */
  readonly broken: number;
}

export async function received(): Promise<Received> {
  const text = await get(`http://${SINK}/count`);
  if (!text) throw new Error('the sink does not answer');
  return JSON.parse(text) as Received;
}

export function startSink(place: Place): Promise<Running> {
  return launch({
    name: 'sink',
    command: [join(built, 'go/sink')],
    logs: place.dir,
    ready: () => get(`http://${SINK}/count`),
  });
}
