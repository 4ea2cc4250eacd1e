/** Every document of ours that a document names is there. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { documents, root } from './documents.ts';

function brokenLinks(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
  const targets = [...text.matchAll(/\]\(<?([^)\s>]+)>?\)/g), ...text.matchAll(/<img[^>]*\bsrc="([^"]+)"/g)];
  return targets
    .map((m) => m[1]!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(join(root, dirname(file), decodeURI(target.replace(/#.*/, '')))))
    .map((target) => `${file} -> ${target}`);
}

test('links between documents lead somewhere', () => {
  const files = documents();
  ok(files.length > 10);
  deepStrictEqual(files.flatMap(brokenLinks), []);
});
