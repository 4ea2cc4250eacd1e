import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eachGlyph, glyphText, printable, textWidth } from '../src/view/glyphs.ts';

test('what could steer the terminal is shown as an escape', () => {
  assert.equal(printable('a\x1b[2Jb\x00\x7f\x9b'), 'a\\x1b[2Jb\\x00\\x7f\\x9b');
  assert.equal(printable('tab\tline\nreturn\r'), 'tab\\tline\\nreturn\\r');
  assert.equal(printable('abc\u202etxt.exe'), 'abc\\u202etxt.exe');
  assert.equal(printable('a\u200bb\ufeff\u2028'), 'a\\u200bb\\ufeff\\u2028');
  assert.equal(printable('\ud800'), '\\ud800');
});

test('ordinary text of any script passes', () => {
  assert.equal(printable('nginx: 100 %'), 'nginx: 100 %');
  assert.equal(printable('naïve Ωμέγα 日本語 한국어'), 'naïve Ωμέγα 日本語 한국어');
  assert.equal(printable('naïve', true), 'na\\xefve');
  assert.equal(printable('175µs', true), '175us');
});

test('width counts cells', () => {
  assert.equal(textWidth('abc'), 3);
  assert.equal(textWidth('日本'), 4);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(textWidth('😀'), 2);
});

test('marks stay with their letter, and only a few of them', () => {
  const glyphs: string[] = [];
  eachGlyph(`x${'\u0335'.repeat(50)}y`, (glyph) => {
    glyphs.push(glyphText(glyph));
    return true;
  });
  assert.deepEqual(glyphs, [`x${'\u0335'.repeat(3)}`, 'y']);
});

test('no text whatever leaves a control or an invisible character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      assert.match(printable(text, true), /^[\x20-\x7e]*$/);
    }),
  );
});
