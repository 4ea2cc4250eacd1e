// Programs' files are made by anybody: damaged or malicious ones cost a bounded read and say nothing.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { readElfFacts } from '../src/elf/facts.ts';
import { folder } from './support/started.ts';

const runtimes = new Set(['nodejs', 'python', 'ruby', 'php']);

function facts(path: string) {
  const fd = openSync(path, 'r');
  try {
    return readElfFacts(fd, runtimes);
  } finally {
    closeSync(fd);
  }
}

/** A program for the tests: ELF64, one writable segment whose content is `data`, no section headers. */
function program(data: Buffer, address = 0x400000): Buffer {
  const head = Buffer.alloc(64 + 56);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(62, 18);
  head.writeBigUInt64LE(64n, 32); // e_phoff
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(1, 64); // PT_LOAD
  head.writeUInt32LE(6, 68); // RW
  head.writeBigUInt64LE(128n, 72);
  head.writeBigUInt64LE(BigInt(address), 80);
  head.writeBigUInt64LE(BigInt(data.length), 96);
  return Buffer.concat([head, Buffer.alloc(8), data]);
}

/** The block as Go 1.18 and later write it; varints of one or two bytes. */
function inlined(version: string, info: string): Buffer {
  const varint = (n: number) => Buffer.from(n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
  const mark = Buffer.alloc(16, 0xaa);
  const modules = Buffer.concat([mark, Buffer.from(info), mark]);
  const head = Buffer.alloc(32);
  head.write('\xff Go buildinf:', 0, 'latin1');
  head[14] = 8;
  head[15] = 2;
  return Buffer.concat([head, varint(version.length), Buffer.from(version), varint(modules.length), modules]);
}

const INFO =
  'path\tacme/shop\nmod\tacme/shop\tv1.2.3\t\ndep\tgo.opentelemetry.io/otel/sdk\tv1.30.0\th1:x=\ndep\tb\tv0.1.0\n=>\t./b\t\n' +
  'dep\tgopkg.in/DataDog/dd-trace-go.v1\tv1.0.0\n=>\t./dd\t\n';

test('Go build information is found without section headers, at its alignment, with replaced modules', (t) => {
  const path = join(folder(t), 'p');
  for (const before of [0, 16, 4096]) {
    // A copy of the magic where none can be: the reader goes on to the real one.
    const data = Buffer.concat([Buffer.alloc(before), inlined('go1.22.1 X:arenas', INFO)]);
    if (before >= 32) data.write('\xff Go buildinf:', 8, 'latin1');
    writeFileSync(path, program(data));
    const go = facts(path)?.go;
    assert.equal(go?.version, 'go1.22.1', `behind ${before} bytes`);
    assert.deepEqual(go?.module, { path: 'acme/shop', version: 'v1.2.3' });
    // Of the others only their number is kept.
    assert.equal(go?.modules, 3);
    assert.deepEqual(
      [...go!.dependencies],
      [
        ['go.opentelemetry.io/otel/sdk', 'v1.30.0'],
        ['gopkg.in/DataDog/dd-trace-go.v1', ''],
      ],
    );
  }
});

test('lengths and pointers that lie read as nothing', (t) => {
  const path = join(folder(t), 'p');
  const huge = inlined('go1.22.1', INFO);
  huge.set([0xff, 0xff, 0xff, 0xff, 0x7f], 32);
  writeFileSync(path, program(huge));
  assert.equal(facts(path)?.go, undefined);
  const pointed = Buffer.alloc(64);
  pointed.write('\xff Go buildinf:', 0, 'latin1');
  pointed[14] = 8;
  pointed.writeBigUInt64LE(2n ** 63n, 16);
  writeFileSync(path, program(pointed));
  assert.equal(facts(path)?.go, undefined);
});

test('what is no ELF file is nothing', (t) => {
  const path = join(folder(t), 'p');
  for (const bytes of ['', '#!/bin/sh\n', '\x7fELF', `\x7fELF${'\xff'.repeat(200)}`]) {
    writeFileSync(path, bytes, 'latin1');
    const found = facts(path);
    assert.equal(found?.go ?? found?.rust, undefined);
  }
});

test('a damaged program never throws, and never takes long', (t) => {
  const path = join(folder(t), 'p');
  const whole = readFileSync('/bin/cat');
  const damage = fc.array(fc.tuple(fc.nat(4096), fc.nat(255)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, cut) => {
      const bytes = Buffer.from(whole.subarray(0, cut));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      // The tables at the end are damaged as well.
      for (const [at, value] of changes) if (at < bytes.length) bytes[bytes.length - 1 - at] = value;
      writeFileSync(path, bytes);
      assert.ok(cpuMs(() => facts(path)) < 1000);
    }),
    { numRuns: 300 },
  );
});
