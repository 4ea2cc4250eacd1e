import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { Btf } from '../src/btf/btf.ts';
import { lineInfo } from '../src/btf/line-info.ts';
import { mapDefinitions } from '../src/btf/map-definitions.ts';
import { compileDecoder } from '../src/decode/compile.ts';
import { recordView } from '../src/decode/record-view.ts';
import { stringify } from '../src/decode/write-text.ts';
import { Elf } from '../src/elf/elf.ts';
import { BpfError } from '../src/errors.ts';
import { explainVerifierLog } from '../src/verifier/explain.ts';
import { compileBpf } from './support/clang.ts';
import { KITCHEN_SINK } from './support/kitchen-sink.ts';
import { oracleObject } from './support/oracle.ts';

const objects = [compileBpf(KITCHEN_SINK).bytes, oracleObject()];
const record = recordView(new Uint8Array(512).map((_, i) => i * 31));
const RECORD = 512;
/** Of CPU; typically 5. A hang takes forever. */
const LONGEST_MS = 2000;

/** Runs one step and lets only our own error pass. Returns undefined where that came. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof BpfError && error.hint.length > 0) return undefined;
    throw error;
  }
}

/** How many decoders were made: a fuzzer whose inputs all fail early proves nothing. */
let survivors = 0;

/** Everything that is ever asked of types from outside. */
function exercise(btf: Btf): void {
  const count = Math.min(btf.count, 400);
  for (let id = 0; id < count; id++) {
    attempt(() => btf.type(id));
    attempt(() => btf.resolve(id));
    attempt(() => btf.sizeOf(id));
    attempt(() => assert.ok(btf.nameOf(id).length < 1 << 20));
    attempt(() => btf.declTags(id));
    const decoder = attempt(() => compileDecoder(btf, id));
    if (!decoder) continue;
    survivors++;
    const decoded = attempt(() => decoder.decode(record, 0, RECORD));
    const json = attempt(() => decoder.json(record, 0, RECORD));
    // Forged names may repeat, or be numbers, which an object puts first: parsed, both are treated alike.
    const parsed = (text: string | undefined) => text && JSON.stringify(JSON.parse(text));
    assert.equal(parsed(json), parsed(decoded && stringify(decoded)), 'both or neither, and the same');
    for (let i = 0; i < Math.min(3, decoder.columns.length); i++) {
      if (decoder.size <= RECORD) attempt(() => decoder.text(i, record, 0, RECORD));
    }
    attempt(() => decoder.keyLayout());
  }
  attempt(() => btf.find('event', 'struct'));
  attempt(() => btf.find(''));
}

function bounded(run: () => void): void {
  const took = cpuMs(run);
  assert.ok(took < LONGEST_MS, `took ${took} ms`);
}

/** Reduced to the size at hand; a fraction would mostly be drawn near 0 and 1, and hit headers alone. */
const place = fc.nat();

/** A real object with some bytes changed, mostly in the sections we read. */
const damaged = fc
  .tuple(
    fc.constantFrom(...objects),
    fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.constantFrom('', '.BTF', '.BTF.ext', '.maps'),
    place,
    // Few are cut: those seldom get past the section table.
    fc.nat({ max: 9 }),
  )
  .map(([object, changes, within, cut, doCut]) => {
    const bytes = new Uint8Array(object);
    const section = Elf.parse(object).section(within);
    const from = section ? section.data.byteOffset - object.byteOffset : 0;
    const size = section ? section.data.length : bytes.length;
    for (const [where, value] of changes) bytes[from + (where % size)] = value;
    return doCut === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
  });

test('damaged objects give an error of ours or an answer, never anything else', () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      bounded(() => {
        const elf = attempt(() => Elf.parse(bytes));
        if (!elf) return;
        const btf = attempt(() => Btf.fromElf(elf));
        if (!btf) return;
        attempt(() => mapDefinitions(btf, elf));
        attempt(() => lineInfo(elf, btf));
        exercise(btf);
      });
    }),
    { numRuns: 250 },
  );
  assert.ok(survivors > 1000, `${survivors} types were decoded`);
});

test('damaged type information alone', () => {
  const blobs = objects.map((o) => Buffer.from(Elf.parse(o).section('.BTF')!.data));
  const change = fc.tuple(
    place,
    fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0x1ffff, 0x8400ffff, 0x84000002)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...blobs),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      (blob, changes) => {
        const bytes = Buffer.from(blob);
        for (const [where, word] of changes)
          bytes.writeUInt32LE(word >>> 0, (where % (bytes.length >> 2)) * 4);
        bounded(() => {
          const btf = attempt(() => Btf.parse(bytes));
          if (btf) exercise(btf);
        });
      },
    ),
    { numRuns: 250 },
  );
  assert.ok(survivors > 1000, `${survivors} types were decoded`);
});

test('random bytes, with and without the right beginning', () => {
  const elfStart = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  const btfStart = Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (tail) => {
      for (const bytes of [tail, Buffer.concat([elfStart, tail]), Buffer.concat([btfStart, tail])]) {
        attempt(() => Elf.parse(bytes));
        const btf = attempt(() => Btf.parse(bytes));
        if (btf) exercise(btf);
      }
    }),
    { numRuns: 1000 },
  );
});

test('random verifier logs', () => {
  const word = fc.constantFrom(
    '0: (95) exit',
    '; a @ b.c:1',
    'R0 !read_ok',
    'processed 1 insns',
    '-- BEGIN PROG LOAD LOG --',
    'insn 7',
    '\n',
    ' ',
    'alloc_insn=3',
    'x',
  );
  const elf = Elf.parse(objects[0]!);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((w) => w.join('\n')),
      ),
      (log) => {
        assert.ok(explainVerifierLog(log, { elf, program: 'on_getpid' }).line.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});

test('records of random bytes: JSON is valid and says what the object says', () => {
  const btf = Btf.fromElf(Elf.parse(objects[1]!));
  const structs = [
    'padded',
    'nested',
    'bits',
    'straddling',
    'enums',
    'texts',
    'arrays',
    'wide',
    'chains',
    'flexible',
    'flexible_text',
    'flexible_structs',
    'numbers',
    'floats',
  ];
  const decoders = structs.map((s) => compileDecoder(btf, btf.find(s, 'struct')!.id));
  fc.assert(
    fc.property(
      fc.constantFrom(...decoders),
      fc.uint8Array({ minLength: 200, maxLength: 260 }),
      fc.integer({ min: 0, max: 9 }),
      (decoder, bytes, offset) => {
        const view = recordView(bytes);
        const length = bytes.length - offset;
        const json = decoder.json(view, offset, length);
        JSON.parse(json);
        assert.equal(json, stringify(decoder.decode(view, offset, length)));
        assert.ok(Buffer.byteLength(json) <= decoder.maxJsonBytes(length));
      },
    ),
    { numRuns: 3000 },
  );
});
