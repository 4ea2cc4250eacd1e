import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Btf, hasKernelBtf, quickFacts } from '@skep/bpf';
import { functionPrototype, prototypeIn, tracepointPrototype } from '../src/hooks/prototype.ts';

const skip = !hasKernelBtf() && 'this kernel tells no types';

test('prototypes are the same, quickly asked or read from all of the types', { skip }, () => {
  const btf = Btf.kernel();
  const facts = quickFacts();
  const functions: string[] = [];
  const events: string[] = [];
  for (let id = 1; id < btf.count; id += 7) {
    const kind = btf.kind(id);
    if (kind === 'func' && functions.length < 150) functions.push(btf.type(id).name);
    else if (kind === 'typedef' && events.length < 50) {
      const { name } = btf.type(id);
      if (name.startsWith('btf_trace_')) events.push(name.slice('btf_trace_'.length));
    }
  }
  assert.ok(functions.length > 100 && events.length > 10);
  for (const name of functions)
    assert.deepEqual(prototypeIn(facts, name, 'function'), functionPrototype(btf, name), name);
  for (const name of events)
    assert.deepEqual(prototypeIn(facts, name, 'tracepoint'), tracepointPrototype(btf, name), name);
  assert.equal(prototypeIn(facts, 'skep_is_not_in_a_kernel', 'function'), undefined);
});

test('a known prototype is spelled as C has it', { skip }, () => {
  assert.deepEqual(prototypeIn(quickFacts(), 'vfs_open', 'function'), {
    returns: 'int',
    parameters: ['struct path *', 'struct file *'],
  });
});
