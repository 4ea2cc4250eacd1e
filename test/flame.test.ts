import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { flameSvg } from '../packages/runtime/src/flame/svg.ts';
import { FlameTree, type Step } from '../packages/runtime/src/flame/tree.ts';
import { openPage } from '../scripts/lib/chromium.ts';

const folder = mkdtempSync(join(tmpdir(), 'skep-flame-'));
after(() => rmSync(folder, { recursive: true }));

const path = (...names: string[]): Step[] => names.map((name) => ({ name, kind: 'native' }));

test('a flame graph in a browser: a click zooms in, typing searches', async () => {
  const tree = new FlameTree('cpu');
  tree.add(path('main', 'serve', 'vfs_read'), 50);
  tree.add(path('main', 'serve', 'vfs_read', 'vfs_inner'), 25);
  tree.add(path('main', 'idle'), 25);
  const file = join(folder, 'flame.html');
  const svg = flameSvg(tree, { title: 'cpu', subtitle: '', unit: 'samples' });
  // As it is in a page; alone in a window it behaves the same, but cannot be photographed there.
  writeFileSync(file, `<!doctype html><body style="margin:0">${svg.replace(/^<\?xml.*\n/, '')}`);
  await using open = await openPage(`file://${file}`, { width: 1200, height: 400 });
  const { page } = open;
  const shown = () =>
    page.$$eval('#boxes g:not(.gone)', (all) =>
      all.map((g) => [g.getAttribute('data-n'), Number(g.children[1]!.getAttribute('width'))]),
    );
  strictEqual((await shown()).length, 6);

  await page.click('g[data-n="serve"]');
  deepStrictEqual(
    (await shown()).map(([name, width]) => [name, Math.round(Number(width))]),
    [
      ['cpu', 1168],
      ['main', 1168],
      ['serve', 1168],
      ['vfs_read', 1168],
      ['vfs_inner', 389],
    ],
  );
  await page.click('#back');
  strictEqual((await shown()).length, 6);

  await page.keyboard.press('/');
  await page.keyboard.type('vfs');
  strictEqual(await page.textContent('#matched'), 'matches 75.00 %');
  strictEqual((await page.$$('#boxes g.hit')).length, 2);
  await page.keyboard.type('_(');
  strictEqual(await page.textContent('#matched'), 'matches 0.00 %');
  await page.keyboard.press('Escape');
  strictEqual(await page.textContent('#matched'), '');

  await page.hover('g[data-n="idle"]');
  match((await page.textContent('#detail'))!, /^idle – 25 samples, 25\.00 %$/);
  // It names what its elements are, and loads nothing.
  deepStrictEqual(svg.match(/https?:[^"]*/g), ['http://www.w3.org/2000/svg']);
});
