// Writes the made parts of probes/README.md and probes/*/README.md. Run it after a change of a probe; a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { catalogue, documents } from './catalogue.ts';

for (const [file, text] of await documents(await catalogue())) {
  if (readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}
