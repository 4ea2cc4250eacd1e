// Run as a process of its own by the kill tests: writes, tags and removes images until it is killed, and says what is
// done once it is done. `node writer.ts STORE NAME`
import { writeSync } from 'node:fs';
import { Store } from '../../src/index.ts';
import { putTestImage } from './image.ts';

const [dir = '', name = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const store = await Store.open(dir);
for (let i = 0; ; i++) {
  // All writers share every third program, so that one removes what another is about to use.
  const program = i % 3 === 0 ? `shared ${i % 9}` : `${name} ${i}`;
  const { entry } = await putTestImage(store, `${name}:${i}`, program.padEnd(5000));
  say(`put ${name}:${i} ${entry.digest}`);
  if (i % 2 === 1) {
    say(`removing ${name}:${i - 1}`);
    await store.remove(`${name}:${i - 1}`);
  }
}
