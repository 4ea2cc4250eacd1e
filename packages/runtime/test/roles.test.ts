import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Column } from '@skep/bpf';
import { valueColumns } from '../src/streams/roles.ts';

const column = (name: string, kind: Column['kind'], typeName: string): Column => ({
  name,
  kind,
  typeName,
  offset: 0,
  size: 8,
  numeric: kind === 'int',
  tags: [],
});

test('a value without a number is refused with its types and what to do', () => {
  const columns = [column('comm', 'char[]', 'char[16]'), column('next', 'ptr', 'void *')];
  assert.throws(() => valueColumns('counter_calls', columns), {
    code: 'SKEP_STREAM_INVALID',
    hint: 'It has comm (char[16]), next (void *). Give it an integer, such as __u64, or name the map print_calls to see its entries.',
  });
  assert.deepEqual(valueColumns('counter_calls', [...columns, column('n', 'int', '__u64')]), [2]);
});
