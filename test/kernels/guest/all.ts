// node all.ts FILE…: test files of the checkout, one after another in this process, each as a suite of its name. An
// emulated machine needs four seconds to start Node, and forty files would each have their own.
import { join } from 'node:path';
import { suite } from 'node:test';

const root = join(import.meta.dirname, '../../..');
// The next waits until one is loaded: what two of them share would put the tests of one into the suite of the other.
let loaded = Promise.resolve();
for (const file of process.argv.slice(2)) {
  const before = loaded;
  loaded = new Promise((done) => {
    suite(file, async () => {
      await before;
      await import(join(root, file)).finally(done);
    });
  });
}
