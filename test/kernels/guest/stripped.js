// Loaded before anything else in a guest: the host has taken the types out of every .ts file already (stripping
// them here would take an emulated processor most of a test's time), so they load as the JavaScript they are.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

registerHooks({
  load(url, context, next) {
    if (!url.startsWith('file:///skep/') || !url.endsWith('.ts')) return next(url, context);
    return { format: 'module', source: readFileSync(fileURLToPath(url)), shortCircuit: true };
  },
});
