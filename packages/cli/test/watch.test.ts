import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Watcher } from '../src/dev/watch.ts';

test('a folder that goes and comes again is watched again, also one that was never there', {
  timeout: 120_000,
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-watch-'));
  t.after(() => rmSync(dir, { recursive: true }));
  let tell = (): void => {};
  using watcher = new Watcher(() => tell());
  const change = async (make: () => void): Promise<void> => {
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    make();
    await told;
  };
  const file = join(dir, 'probe/src/a.c');
  const come = (): void => {
    mkdirSync(join(dir, 'probe/src'), { recursive: true });
    writeFileSync(file, '1');
  };
  watcher.add([file]);
  await change(come);
  await change(() => writeFileSync(file, '2'));
  rmSync(join(dir, 'probe'), { recursive: true });
  await change(come);
  await change(() => writeFileSync(file, '3'));
  // Another one in its place, as git makes it.
  mkdirSync(join(dir, 'other/src'), { recursive: true });
  writeFileSync(join(dir, 'other/src/a.c'), '4');
  await change(() => {
    renameSync(join(dir, 'probe/src'), join(dir, 'old'));
    renameSync(join(dir, 'other/src'), join(dir, 'probe/src'));
  });
  await change(() => writeFileSync(file, '5'));
});
