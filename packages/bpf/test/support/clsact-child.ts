/** Attaches a tc program as before Linux 6.6, says so, and waits to be killed: `clsact-child.ts OBJECT NETNS SIDE`. */
import { readFileSync } from 'node:fs';
import { attachClsact } from '../../src/links/clsact.ts';
import { inNetns } from '../../src/links/netns.ts';
// Not the whole package: three of these start in each guest, where its files take seconds to read.
import { BpfObject } from '../../src/object/object.ts';

const [file = '', netns = '', side = ''] = process.argv.slice(2);
const object = BpfObject.open(readFileSync(file), { name: 'child' });
for (const program of object.programs) program.autoload = program.name === 'at_tc';
await object.load();
const { fd } = object.program('at_tc');
const made = inNetns(netns, 'at_tc', () => attachClsact(fd, 1, side === 'egress', netns, 'at_tc'));
process.stdout.write('attached\n');
process.stdin.once('data', () => {
  if ('undo' in made) made.undo();
  object.close();
  process.exit();
});
