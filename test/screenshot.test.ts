import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { terminalPicture } from '../scripts/lib/terminal-picture.ts';

const draw = (screen: string) => terminalPicture(screen, { columns: 20, rows: 2, caption: 'skep run x' });

/** The drawn words with their place in cells. */
function words(svg: string): [string, number, string][] {
  const texts = svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>([^<]*)</g);
  return [...texts].map(([, x, , style, text]) => [text!, Math.round(Number(x) / 8.4), style!.trim()]);
}

test('words stand in their columns, with their colours, and markup is escaped', async () => {
  const svg = await draw('pid    comm\n \x1b[1;31m<a&b>\x1b[0m  \x1b[38;5;208mx\x1b[0m');
  deepStrictEqual(words(svg), [
    ['pid', 0, ''],
    ['comm', 7, ''],
    ['&lt;a&amp;b&gt;', 1, 'fill="#e5636a" font-weight="700"'],
    ['x', 8, 'fill="#ff8700"'],
  ]);
  match(svg, /<title>skep run x<\/title>/);
});

test('a bar is one rectangle to an eighth of a cell', async () => {
  const svg = await draw('ab \x1b[38;2;1;2;3m████▌');
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" width="([\d.]+)"[^>]*fill="#010203"/g)];
  strictEqual(bars.length, 1);
  deepStrictEqual(
    bars[0]!.slice(1).map(Number),
    [3 * 8.4, 4.5 * 8.4].map((n) => Math.round(n * 100) / 100),
  );
});

test('reversed cells have a ground', async () => {
  const svg = await draw('\x1b[7mkey\x1b[0m');
  ok(svg.includes('<rect x="0" width="25.2" y="0" height="18" fill="#d5d9e0"/>'));
  deepStrictEqual(words(svg), [['key', 0, 'fill="#14171d"']]);
});
