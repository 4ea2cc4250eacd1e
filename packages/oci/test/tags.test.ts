import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { push, Store, tags } from '../src/index.ts';
import { type RealRegistry, startRegistry } from './helpers/docker-registry.ts';
import { failsWith } from './helpers/errors.ts';
import { startFake } from './helpers/fake-registry.ts';
import { putTestImage } from './helpers/image.ts';
import { tempDir } from './helpers/temp.ts';

const dir = tempDir({ after });
let real: RealRegistry;
before(async () => {
  real = await startRegistry(dir);
});
after(() => real?.stop());

test("the tags of a repository in Debian's registry", async (t) => {
  const store = await Store.open(join(tempDir(t), 's'));
  for (const tag of ['1', '2', 'latest']) {
    await putTestImage(store, `${real.host}/probes/x:${tag}`, `program ${tag}`);
    await push(store, `${real.host}/probes/x:${tag}`);
  }
  assert.deepEqual((await tags(`${real.host}/probes/x`)).sort(), ['1', '2', 'latest']);
  const e = await failsWith(
    'SKEP_NOT_FOUND',
    () => tags(`${real.host}/probes/nothing`),
    /tags of probes\/nothing/,
  );
  assert.match(e.hint, /Check the name/);
});

test('a local name and one image are no repository', async () => {
  await failsWith('SKEP_REFERENCE_INVALID', () => tags('x'), /no registry to look into/);
  const e = await failsWith('SKEP_REFERENCE_INVALID', () => tags('h.example/x:1'), /one image/);
  assert.equal(e.hint, 'Write h.example/x.');
});

test('pages are followed to their end, on the registry itself whatever host a link names', async (t) => {
  const fake = await startFake({ pageSize: 2 });
  t.after(() => fake.close());
  for (const n of [1, 2, 3, 4, 5]) fake.content.set(`x:${n}`, { bytes: Buffer.from('{}'), type: '' });
  assert.deepEqual(await tags(`${fake.host}/x`), ['1', '2', '3', '4', '5']);
  assert.equal(fake.count('GET', '/tags/list'), 3);
});

test('what is no list of tags is refused', async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const retry = { attempts: 1 };
  const answers: [body: string, message: RegExp][] = [
    ['<html>', /not JSON/],
    ['{"tags":"1"}', /no list/],
    ['{"tags":["1","\\u001b[31mred"]}', /"\[31mred", which is no tag/],
    ['{"tags":[7]}', /"7", which/],
  ];
  for (const [body, message] of answers) {
    fake.hook = (_, res) => {
      res.writeHead(200).end(body);
      return true;
    };
    await failsWith('SKEP_REGISTRY', () => tags(`${fake.host}/x`, { retry }), message);
  }
  fake.hook = (_, res) => {
    res.writeHead(200).end('{"name":"x","tags":null}');
    return true;
  };
  assert.deepEqual(await tags(`${fake.host}/x`), [], 'a repository without tags');
  fake.hook = (_, res) => {
    res.writeHead(200, { link: '</v2/x/tags/list?n=1>; rel=next' }).end('{"tags":["1"]}');
    return true;
  };
  await failsWith('SKEP_REGISTRY', () => tags(`${fake.host}/x`, { retry }), /pages without end/);
  fake.hook = (_, res) => {
    res.writeHead(200).end(Buffer.alloc(9 * 1024 * 1024, 32));
    return true;
  };
  await failsWith('SKEP_REGISTRY', () => tags(`${fake.host}/x`, { retry }), /more than/);
});
