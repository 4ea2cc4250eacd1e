import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileBpf, scratch } from './clang.ts';

/** Types that both compilers see: gcc for the machine, whose C writes bytes and JSON, and clang for BPF, whose BTF we read. */
const TYPES = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;
struct padded { u8 a; u64 b; u16 c; s32 d; s8 e; s16 f; s64 g; u8 h; };
struct inner { u16 x; struct { u8 y; u32 z; }; };
struct nested { u8 tag; struct inner in; union { u32 word; u8 bytes[4]; }; union either { u16 half; u64 full; } u; struct { } nothing; };
enum color { RED, GREEN = 5, BLUE = -3, LAST = 0x7fffffff };
enum __attribute__((packed)) tiny { T0, T1, T200 = 200 };
struct bits { u32 a : 1; u32 b : 3; s32 c : 7; u64 d : 33; s64 e : 40; u8 f : 5; _Bool g : 1; enum color h : 4; u32 : 0; u32 i : 32; s32 j : 1; };
struct __attribute__((packed)) straddling { u8 a : 3; u32 b : 17; s64 c : 55; u64 d : 64; s32 e : 31; u8 f : 6; };
struct enums { enum color a, b, c, d; enum tiny e, f, g; const enum color h; };
struct texts { char one; char none; char full[4]; char comm[16]; char utf8[12]; char grid[2][4]; char quoted[16]; };
struct arrays { s64 matrix[2][3]; struct { u8 a; u32 b; } list[2]; _Bool flags[3]; float f[2]; double d; void *p[2]; u8 raw[3]; enum color e[2]; u16 none[0]; u8 last; };
struct wide { u8 pad; __int128 a; unsigned __int128 b; __int128 c; };
struct opaque;
typedef const volatile u32 cv_t; typedef cv_t deep_t; typedef deep_t *deep_p;
struct chains { const volatile u16 a; deep_t b; volatile deep_p c; struct opaque *d; int (*e)(void); const char *const f; long g; unsigned long h; };
struct flexible { u32 n; u16 tail[]; };
struct flexible_text { u64 n; u8 len; char text[]; };
struct flexible_structs { u32 n; struct { u8 a; u16 b; } list[]; };
struct floats { double nan, inf, half, big; float quarter, minus; };
struct numbers { u64 max, limit, over, small; s64 min, neg, negover, minusone; u32 umax; s32 smin; };
struct several { s32 args_size; char comm[4]; char args[16]; };
struct empty { };
`;

const STRUCTS = [...TYPES.matchAll(/struct (?:__attribute__\(\(packed\)\) )?(\w+) \{/g)].map((m) => m[1]!);

const MAIN = `
#include <stdio.h>
#include <string.h>
#include <math.h>
${TYPES}
static void bytes(const char *name, const void *p, unsigned long n) {
  printf("%s\\t", name);
  for (unsigned long i = 0; i < n; i++) printf("%02x", ((const u8 *)p)[i]);
  printf("\\t");
}
/* Whatever is not assigned, padding too, is 0xAA: readers that look at it show it. */
#define FRESH(type, v) struct type v; memset(&v, 0xaa, sizeof v)
#define SHOW(v, ...) do { bytes(#v, &v, sizeof v); printf(__VA_ARGS__); printf("\\n"); } while (0)
int main(void) {
  { FRESH(padded, padded); padded.a = 255; padded.b = 18446744073709551615ull; padded.c = 65535; padded.d = -2147483648; padded.e = -128; padded.f = -32768; padded.g = -9223372036854775807ll - 1; padded.h = 7;
    SHOW(padded, "{\\"a\\":%u,\\"b\\":%llu,\\"c\\":%u,\\"d\\":%d,\\"e\\":%d,\\"f\\":%d,\\"g\\":%lld,\\"h\\":%u}", padded.a, padded.b, padded.c, padded.d, padded.e, padded.f, padded.g, padded.h); }
  { FRESH(nested, nested); nested.tag = 1; nested.in.x = 2; nested.in.y = 3; nested.in.z = 4; nested.word = 0x01020304; nested.u.full = 0x1122334455667788ull;
    SHOW(nested, "{\\"tag\\":%u,\\"in\\":{\\"x\\":%u,\\"y\\":%u,\\"z\\":%u},\\"word\\":%u,\\"bytes\\":[%u,%u,%u,%u],\\"u\\":{\\"half\\":%u,\\"full\\":%llu},\\"nothing\\":{}}", nested.tag, nested.in.x, nested.in.y, nested.in.z, nested.word, nested.bytes[0], nested.bytes[1], nested.bytes[2], nested.bytes[3], nested.u.half, nested.u.full); }
  { FRESH(bits, bits); bits.a = 1; bits.b = 5; bits.c = -37; bits.d = 0x1deadbeefull; bits.e = -123456789012ll; bits.f = 21; bits.g = 1; bits.h = GREEN; bits.i = 4000000000u; bits.j = -1;
    SHOW(bits, "{\\"a\\":%u,\\"b\\":%u,\\"c\\":%d,\\"d\\":%llu,\\"e\\":%lld,\\"f\\":%u,\\"g\\":%s,\\"h\\":\\"GREEN\\",\\"i\\":%u,\\"j\\":%d}", bits.a, bits.b, bits.c, (u64)bits.d, (s64)bits.e, bits.f, bits.g ? "true" : "false", bits.i, bits.j); }
  { FRESH(straddling, straddling); straddling.a = 5; straddling.b = 100001; straddling.c = -9007199254740993ll; straddling.d = 18446744073709551557ull; straddling.e = -1000000007; straddling.f = 63;
    SHOW(straddling, "{\\"a\\":%u,\\"b\\":%u,\\"c\\":%lld,\\"d\\":%llu,\\"e\\":%d,\\"f\\":%u}", straddling.a, straddling.b, (s64)straddling.c, (u64)straddling.d, straddling.e, straddling.f); }
  { FRESH(enums, enums); enums.a = GREEN; enums.b = BLUE; enums.c = (enum color)99; enums.d = (enum color)-77; enums.e = T1; enums.f = T200; enums.g = (enum tiny)9; *(enum color *)&enums.h = LAST;
    SHOW(enums, "{\\"a\\":\\"GREEN\\",\\"b\\":\\"BLUE\\",\\"c\\":%d,\\"d\\":%d,\\"e\\":\\"T1\\",\\"f\\":\\"T200\\",\\"g\\":%d,\\"h\\":\\"LAST\\"}", enums.c, enums.d, enums.g); }
  { FRESH(texts, texts); texts.one = 'x'; texts.none = 0; memcpy(texts.full, "abcd", 4); memcpy(texts.comm, "kworker/0:1\\0zz", 14); memcpy(texts.utf8, "t\\xc3\\xa4glich", 9); memcpy(texts.grid, "ab\\0zcdef", 8); memcpy(texts.quoted, "a\\"b\\\\c\\n\\x01", 8);
    SHOW(texts, "{\\"one\\":\\"x\\",\\"none\\":\\"\\",\\"full\\":\\"abcd\\",\\"comm\\":\\"%s\\",\\"utf8\\":\\"%s\\",\\"grid\\":[\\"ab\\",\\"cdef\\"],\\"quoted\\":\\"a\\\\\\"b\\\\\\\\c\\\\n\\\\u0001\\"}", texts.comm, texts.utf8); }
  { FRESH(arrays, arrays); for (int i = 0; i < 6; i++) arrays.matrix[i / 3][i % 3] = i * -1000000000000ll; arrays.list[0].a = 1; arrays.list[0].b = 2; arrays.list[1].a = 3; arrays.list[1].b = 4; arrays.flags[0] = 1; arrays.flags[1] = 0; arrays.flags[2] = 1; arrays.f[0] = 0.5f; arrays.f[1] = -1.25f; arrays.d = 1024.0625; arrays.p[0] = (void *)0; arrays.p[1] = (void *)0xffff888012345678ull; memcpy(arrays.raw, "\\1\\2\\3", 3); arrays.e[0] = RED; arrays.e[1] = (enum color)4; arrays.last = 9;
    SHOW(arrays, "{\\"matrix\\":[[%lld,%lld,%lld],[%lld,%lld,%lld]],\\"list\\":[{\\"a\\":1,\\"b\\":2},{\\"a\\":3,\\"b\\":4}],\\"flags\\":[true,false,true],\\"f\\":[%g,%g],\\"d\\":%.10g,\\"p\\":[\\"0x0\\",\\"%p\\"],\\"raw\\":[1,2,3],\\"e\\":[\\"RED\\",4],\\"none\\":[],\\"last\\":9}", arrays.matrix[0][0], arrays.matrix[0][1], arrays.matrix[0][2], arrays.matrix[1][0], arrays.matrix[1][1], arrays.matrix[1][2], arrays.f[0], arrays.f[1], arrays.d, arrays.p[1]); }
  { FRESH(wide, wide); wide.a = -1; wide.b = (unsigned __int128)-1; wide.c = (__int128)1 << 100;
    SHOW(wide, "{\\"pad\\":170,\\"a\\":-1,\\"b\\":340282366920938463463374607431768211455,\\"c\\":1267650600228229401496703205376}"); }
  { FRESH(chains, chains); *(u16 *)&chains.a = 65000; *(u32 *)&chains.b = 4000000000u; *(u64 *)&chains.c = 0x1000; chains.d = (void *)0xffffffff81000000ull; *(u64 *)&chains.e = 0xfull; *(u64 *)&chains.f = 0x100000000ull; chains.g = -5; chains.h = 6;
    SHOW(chains, "{\\"a\\":%u,\\"b\\":%u,\\"c\\":\\"0x1000\\",\\"d\\":\\"%p\\",\\"e\\":\\"0xf\\",\\"f\\":\\"%p\\",\\"g\\":%ld,\\"h\\":%lu}", chains.a, chains.b, (void *)chains.d, (void *)chains.f, chains.g, chains.h); }
  { struct { struct flexible f; u16 t[3]; } v = { { 3 }, { 1, 2, 65535 } }; bytes("flexible", &v, 10); printf("{\\"n\\":3,\\"tail\\":[1,2,65535]}\\n"); bytes("flexible", &v, 4); printf("{\\"n\\":3,\\"tail\\":[]}\\n"); bytes("flexible", &v, 9); printf("{\\"n\\":3,\\"tail\\":[1,2]}\\n"); }
  { u8 v[32] = { 1, 0, 0, 0, 0, 0, 0, 0, 5 }; memcpy(v + 9, "hello, \\"you\\" and others", 23); bytes("flexible_text", v, 32); printf("{\\"n\\":1,\\"len\\":5,\\"text\\":\\"hello, \\\\\\"you\\\\\\" and others\\"}\\n"); }
  { u8 v[13] = { 2, 0, 0, 0, 1, 0xaa, 2, 0, 3, 0xaa, 4, 0, 9 }; bytes("flexible_structs", v, 13); printf("{\\"n\\":2,\\"list\\":[{\\"a\\":1,\\"b\\":2},{\\"a\\":3,\\"b\\":4}]}\\n"); }
  { FRESH(floats, floats); floats.nan = NAN; floats.inf = -INFINITY; floats.half = 0.5; floats.big = 1e300; floats.quarter = 0.25f; floats.minus = -0.1f;
    SHOW(floats, "{\\"nan\\":null,\\"inf\\":null,\\"half\\":%g,\\"big\\":%g,\\"quarter\\":%g,\\"minus\\":%g}", floats.half, floats.big, floats.quarter, floats.minus); }
  { FRESH(numbers, numbers); numbers.max = ~0ull; numbers.limit = 9007199254740991ull; numbers.over = 9007199254740993ull; numbers.small = 100000000ull; numbers.min = -9223372036854775807ll - 1; numbers.neg = -9007199254740991ll; numbers.negover = -9007199254740993ll; numbers.minusone = -1; numbers.umax = ~0u; numbers.smin = -2147483648;
    SHOW(numbers, "{\\"max\\":%llu,\\"limit\\":%llu,\\"over\\":%llu,\\"small\\":%llu,\\"min\\":%lld,\\"neg\\":%lld,\\"negover\\":%lld,\\"minusone\\":%lld,\\"umax\\":%u,\\"smin\\":%d}", numbers.max, numbers.limit, numbers.over, numbers.small, numbers.min, numbers.neg, numbers.negover, numbers.minusone, numbers.umax, numbers.smin); }
  { FRESH(several, several); several.args_size = 11; memcpy(several.comm, "ls", 3); memcpy(several.args, "ls\\0-l\\0\\"x\\0\\0z", 11);
    SHOW(several, "{\\"args_size\\":11,\\"comm\\":\\"ls\\",\\"args\\":\\"ls -l \\\\\\"x  z\\"}"); }
  { printf("empty\\t\\t{}\\n"); }
  return 0;
}
`;

/** One struct as C laid it out, and what C printed about it. */
export interface OracleRecord {
  struct: string;
  bytes: Uint8Array;
  json: string;
}

/** Runs the C program: gcc knows nothing of our readers. */
export function oracleRecords(): OracleRecord[] {
  const dir = join(scratch, 'oracle');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'oracle.c'), MAIN);
  execFileSync('gcc', ['-w', '-o', 'oracle', 'oracle.c'], { cwd: dir });
  return execFileSync(join(dir, 'oracle'), { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [struct, hex, json] = line.split('\t');
      return { struct: struct!, bytes: Buffer.from(hex!, 'hex'), json: json! };
    });
}

/** The same types through clang, with BTF. */
export function oracleObject(): Uint8Array {
  return compileBpf(`${TYPES}\n${STRUCTS.map((s) => `struct ${s} g_${s};`).join('\n')}`).bytes;
}
