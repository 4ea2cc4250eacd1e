// What becomes so a second time is said a second time.
import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Notes } from '../src/notes.ts';

test('a receiver that is gone again is told again, and stands once among what there was to say', () => {
  const said: string[] = [];
  const notes = new Notes((text) => said.push(text));
  for (const text of ['gone', 'gone', 'back', 'gone']) notes.add(text);
  deepStrictEqual(said, ['gone', 'back', 'gone']);
  deepStrictEqual(notes.all, ['back', 'gone']);
  for (let i = 0; i < 60; i++) notes.add(`${i}`);
  deepStrictEqual([notes.all.length, notes.all.at(-1)], [50, '59']);
});
