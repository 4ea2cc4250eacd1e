import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatReference,
  isLocal,
  OciError,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../src/index.ts';
import { failsWith } from './helpers/errors.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

test('references are taken apart as docker does', () => {
  const cases: [string, Reference][] = [
    ['oomkill', { repository: 'oomkill' }],
    ['oomkill:1.0', { repository: 'oomkill', tag: '1.0' }],
    ['solo/oomkill', { repository: 'solo/oomkill' }],
    [`oomkill@${DIGEST}`, { repository: 'oomkill', digest: DIGEST }],
    [`localhost/a:b@${DIGEST}`, { registry: 'localhost', repository: 'a', tag: 'b', digest: DIGEST }],
    ['localhost:5000/a', { registry: 'localhost:5000', repository: 'a' }],
    ['127.0.0.1:5000/a/b:2', { registry: '127.0.0.1:5000', repository: 'a/b', tag: '2' }],
    [
      'ghcr.io/solo-io/bumblebee/oomkill:0.0.14',
      { registry: 'ghcr.io', repository: 'solo-io/bumblebee/oomkill', tag: '0.0.14' },
    ],
    ['[::1]:5000/a:x', { registry: '[::1]:5000', repository: 'a', tag: 'x' }],
    ['[fe80::1]/a', { registry: '[fe80::1]', repository: 'a' }],
    ['HOST/a', { registry: 'HOST', repository: 'a' }],
    ['a.b/c__d/e-f.g_h', { registry: 'a.b', repository: 'c__d/e-f.g_h' }],
    ['a:_x', { repository: 'a', tag: '_x' }],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(parseReference(text), expected, text);
    assert.equal(formatReference(expected), text);
  }
});

test('what is no reference is refused with its reason', async () => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    ['Oomkill', /lower case/],
    ['localhost/Oomkill', /lower case/],
    ['a b', /separated by/],
    ['a:', /a tag has/],
    ['a:-x', /a tag has/],
    [`a:${'t'.repeat(129)}`, /a tag has/],
    ['a@sha256:abc', /64 lower-case/],
    [`a@${DIGEST.toUpperCase()}`, /64 lower-case/],
    ['a//b', /separated by/],
    ['/a', /separated by/],
    ['a/', /separated by/],
    ['localhost:99999/a', /port 99999/],
    ['localhost:5000/', /name is missing/],
    ['ex_ample.com/a', /not a host/],
    ['[::1/a', /not a host/],
    ['a___b', /separated by/],
    ['../a', /not a host/],
    ['https://ghcr.io/a', /not a host/],
    [`a${'b'.repeat(255)}`, /longer than 255/],
    ['x'.repeat(2000), /longer than 1024/],
  ];
  for (const [text, why] of cases) await failsWith('SKEP_REFERENCE_INVALID', () => parseReference(text), why);
  const upper = await failsWith('SKEP_REFERENCE_INVALID', () => parseReference('ghcr.io/Me/Oomkill:Two'));
  assert.equal(upper.hint, 'Write ghcr.io/me/oomkill:Two.');
});

test('a message about a bad name cannot play with the terminal', async () => {
  const e = await failsWith('SKEP_REFERENCE_INVALID', () => parseReference('a\u001b[2J\nb'));
  assert.doesNotMatch(e.message, /[\u0000-\u001f]/);
});

test('a name without tag or digest means :latest', () => {
  assert.equal(formatReference(withDefaultTag(parseReference('a'))), 'a:latest');
  assert.equal(formatReference(withDefaultTag(parseReference(`a@${DIGEST}`))), `a@${DIGEST}`);
  assert.ok(isLocal(parseReference('a/b')));
  assert.ok(!isLocal(parseReference('localhost/b')));
});

test('any text is either refused with our error or survives the way there and back', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    '0',
    '.',
    ':',
    '/',
    '@',
    '_',
    '__',
    '-',
    '[',
    ']',
    'localhost',
    '::1',
    DIGEST,
    'sha512:',
    ' ',
    'é',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 8 }).map((p) => p.join('')),
  );
  fc.assert(
    fc.property(text, (s) => {
      let r: Reference;
      try {
        r = parseReference(s);
      } catch (e) {
        return e instanceof OciError && e.code === 'SKEP_REFERENCE_INVALID';
      }
      assert.equal(formatReference(r), s);
      return true;
    }),
    { numRuns: 3000 },
  );
});

test('whatever is made of valid parts is accepted', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
  const made = fc.record(
    {
      registry: fc.constantFrom('localhost', 'a.b:1', '[::1]:65535', '10.0.0.1', 'Upper'),
      repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((p) => p.join('/')),
      tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/),
      digest: fc.constant(DIGEST),
    },
    { requiredKeys: ['repository'] },
  );
  fc.assert(
    fc.property(made, (r) => {
      // Without a registry, "localhost/…" would name one: not in these parts, which have no lone "localhost".
      fc.pre(r.registry !== undefined || !/^(localhost|[^/]*\.[^/]*)\//.test(r.repository));
      assert.deepEqual({ ...parseReference(formatReference(r)) }, { ...r });
    }),
    { numRuns: 1000 },
  );
});
