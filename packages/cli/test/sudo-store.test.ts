import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultStorage } from '../src/settings.ts';
import { findInvoker } from '../src/sudo-store.ts';

const users = () =>
  'root:x:0:0:root:/root:/bin/bash\nana:x:1000:1000:Ana,,,:/home/ana:/bin/bash\nbroken:x:7\n';

test('the user who called sudo, and that one’s store', () => {
  assert.deepEqual(findInvoker({ SUDO_UID: '1000', SUDO_GID: '1000' }, users), {
    uid: 1000,
    gid: 1000,
    name: 'ana',
    storage: '/home/ana/.local/share/skep/store',
  });
});

test('nobody, when sudo did not call or says what cannot be', () => {
  for (const env of [
    {},
    { SUDO_UID: '0', SUDO_GID: '0' },
    { SUDO_UID: 'x', SUDO_GID: '1' },
    { SUDO_UID: '1000' },
  ]) {
    assert.equal(findInvoker(env, users), undefined);
  }
  assert.equal(findInvoker({ SUDO_UID: '4242', SUDO_GID: '1' }, users), undefined, 'no such user');
  assert.equal(findInvoker({ SUDO_UID: '7', SUDO_GID: '7' }, users), undefined, 'a broken line');
});

test('where the store is', () => {
  assert.equal(defaultStorage('/home/ana'), '/home/ana/.local/share/skep/store');
  assert.equal(defaultStorage('/home/ana', '/data'), '/data/skep/store');
});
