// node test/check/folder.ts FOLDER [PATTERN]: what check says of each program of the objects in a folder, beside what the
// kernel here does with it. In a guest they are attached for an instant as well, elsewhere only loaded.
import { release } from 'node:os';
import { ensureTracefs, runningKernel } from '@skep/bpf';
import { unattached } from '../corpus/settings.ts';
import { type Attach, agreementText, type Compared, compare, objectsIn } from './truth.ts';

const [folder, pattern = '.'] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');
const guest = process.env.SKEP_GUEST !== undefined;
/** What is attached to something that a test would have to make, or by nobody. */
const elsewhere =
  /^(xdp|tc|netkit|action|lwt|cgroup|cgroup_skb|lsm_cgroup|sock.*|sk_.*|flow_dissector|netfilter|syscall|struct_ops)$/;
const attach: Attach = (object, name, target) => {
  const program = object.program(name);
  if (guest && !unattached.has(program.type) && !elsewhere.test(program.type))
    program.attach({ target }).close();
};
ensureTracefs();
const facts = runningKernel();
const all: Compared[] = [];
for (const object of objectsIn(folder).filter(({ name }) => new RegExp(pattern).test(name))) {
  const [compared] = await compare([object], [facts], attach);
  all.push(...compared!);
  console.log(agreementText(object.name, compared!));
}
console.log(agreementText(`${folder} on ${release()}`, all).split('\n')[0]);
