/** The TypeScript in the documents uses what the packages have. */
import { strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { blocks, documents, root } from './documents.ts';

test('examples pass the type checker', async (t) => {
  mkdirSync(join(root, 'build'), { recursive: true });
  const dir = mkdtempSync(join(root, 'build/examples-'));
  t.after(() => rmSync(dir, { recursive: true }));
  let count = 0;
  for (const file of documents()) {
    for (const { line, text } of blocks(file, 'ts')) {
      const name = `${file.replace(/\W+/g, '_')}_line${line}.ts`;
      writeFileSync(join(dir, name), `${text}\nexport {};\n`);
      count++;
    }
  }
  // An example may end with something that the reader goes on with.
  const compilerOptions = { noUnusedLocals: false };
  const config = { extends: relative(dir, join(root, 'tsconfig.json')), include: ['*.ts'], compilerOptions };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
  strictEqual(await typeErrors(dir), '');
  strictEqual(count >= 4, true, `${count} examples`);
});

function typeErrors(dir: string): Promise<string> {
  const tsc = join(root, 'node_modules/.bin/tsc');
  return new Promise((resolve) => {
    execFile(tsc, ['-p', dir], (error, stdout) => resolve(error ? stdout || String(error) : ''));
  });
}
