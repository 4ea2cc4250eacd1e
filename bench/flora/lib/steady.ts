/** load/steady.c, driven: one constant load that takes next to nothing itself. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { API, type Place } from './place.ts';
import { launch, type Running } from './process.ts';

/** Connections that the requests go over in turn. */
const CONNECTIONS = 16;

/** Compiles the load and starts `rate` GET requests a second on `path` of the server; it goes on until it is disposed of. */
export function startSteady(place: Place, path: string, rate: number): Promise<Running> {
  const program = join(place.dir, 'steady');
  execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, '../load/steady.c')]);
  const port = API.slice(API.lastIndexOf(':') + 1);
  return launch({
    name: 'steady',
    command: [program, port, String(rate), String(CONNECTIONS), path],
    logs: place.dir,
  });
}
