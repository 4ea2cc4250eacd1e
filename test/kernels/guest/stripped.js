// Loaded before anything else in a guest: the host has taken the types out of every .ts file already (stripping
// them here would take an emulated processor most of a test's time), so they load as the JavaScript they are. Nor is
// there anything to find out about where they lie: to ask the file system took half of the time of each import.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const checkout = 'file:///skep/';
const isOurs = (url) => url.startsWith(checkout) && url.endsWith('.ts');

/** Where a source of ours lies that another of ours imports, by its place or by its package's name. */
function placeOf(specifier, parent) {
  if (!parent?.startsWith(checkout)) return undefined;
  const [, name] = /^@skep\/([\w-]+)$/.exec(specifier) ?? [];
  if (name) return `${checkout}packages/${name}/src/index.ts`;
  return specifier.startsWith('.') ? new URL(specifier, parent).href : undefined;
}

registerHooks({
  resolve(specifier, context, next) {
    const url = placeOf(specifier, context.parentURL);
    return url && isOurs(url) ? { url, format: 'module', shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    if (!isOurs(url)) return next(url, context);
    return { format: 'module', source: readFileSync(fileURLToPath(url)), shortCircuit: true };
  },
});
