// node all.ts FILE…: test files of the checkout, one after another in this process, each as a suite of its name. An
// emulated machine needs four seconds to start Node, and forty files would each have their own.
import { join } from 'node:path';
import { suite } from 'node:test';

const root = join(import.meta.dirname, '../../..');
for (const file of process.argv.slice(2)) suite(file, async () => void (await import(join(root, file))));
