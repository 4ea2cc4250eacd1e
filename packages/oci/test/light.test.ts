import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from './helpers/temp.ts';

test('list, tag and rm load no network code', async (t) => {
  const script = `
    const { Store } = await import(${JSON.stringify(join(import.meta.dirname, '../src/index.ts'))});
    const { putTestImage } = await import(${JSON.stringify(join(import.meta.dirname, 'helpers/image.ts'))});
    const store = await Store.open(process.argv[1]);
    await putTestImage(store, 'a', 'x');
    await store.tag('a', 'b');
    await store.list();
    await store.remove('b');
    console.log(process.moduleLoadList.filter((m) => /NativeModule (http|https|tls|_http_client|internal\\/deps\\/undici\\/undici)$/.test(m)).join());
  `;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script, tempDir(t)], {
    encoding: 'utf8',
  });
  assert.equal(out.trim(), '');
});
