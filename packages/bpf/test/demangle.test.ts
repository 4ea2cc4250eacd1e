import { ok, strictEqual } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { demangle } from '../src/symbols/demangle.ts';

const NAMES: readonly (readonly [mangled: string, name: string])[] = [
  ['main', 'main'],
  ['_start', '_start'],
  ['_Z3foov', 'foo'],
  ['_ZN3foo3barEi', 'foo::bar'],
  ['_ZNK3foo3barERKSs', 'foo::bar'],
  ['_ZN3fooC1Ev', 'foo::foo'],
  ['_ZN3fooD0Ev', 'foo::~foo'],
  ['_ZNSt6vectorIiSaIiEE9push_backEOi', 'std::vector<int, std::allocator<int> >::push_back'],
  [
    '_ZStlsIcSt11char_traitsIcEERSt13basic_ostreamIT_T0_ES5_c',
    'std::operator<< <char, std::char_traits<char> >',
  ],
  ['_ZN12_GLOBAL__N_14workEv', '(anonymous namespace)::work'],
  ['_ZZ4mainENKUlvE_clEv', 'main::{lambda()#1}::operator()'],
  ['_ZN3fooIJicEE3barILb1ELm4EEEvv', 'foo<int, char>::bar<true, 4ul>'],
  ['_ZN3foocvPKcEv', 'foo::operator char const*'],
  ['_Z4callIPFivEEvT_', 'call<int (*)()>'],
  ['_Z4takeIA3_iEvRT_', 'take<int [3]>'],
  ['_ZThn8_N3foo3barEv', 'non-virtual thunk to foo::bar'],
  ['_ZN3foo3barEi.cold', 'foo::bar [clone .cold]'],
  ['_ZN5alloc3vec12Vec$LT$T$GT$4push17h0123456789abcdefE', 'alloc::vec::Vec<T>::push'],
  [
    '_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE',
    'core::ptr::drop_in_place<alloc::string::String>',
  ],
  ['_RNvC5crate4main', 'crate::main'],
  ['_RNCNvC5crate4main0B3_', 'crate::main::{closure#0}'],
  ['_RINvC5crate4takehE', 'crate::take::<u8>'],
  ['_RNvXC5crateNtB2_4TypeNtB2_5Trait3run', '<crate::Type as crate::Trait>::run'],
  ['_RNvC5crateu7ber_goa', 'crate::über'],
  // Not understood, or no names at all.
  ['_Z', '_Z'],
  ['_ZN', '_ZN'],
  ['_ZN3fo', '_ZN3fo'],
  ['_ZN3fooE9999999', 'foo'],
  ['_R', '_R'],
  ['_RNvB_3foo', '_RNvB_3foo'],
  ['_ZS_', '_ZS_'],
];

test('names of C++ and Rust without their parameters', () => {
  for (const [mangled, name] of NAMES) strictEqual(demangle(mangled), name, mangled);
});

const LIBRARY = '/usr/lib/x86_64-linux-gnu/libstdc++.so.6';
const oracle = spawnSync('c++filt', ['--version']).status === 0 && existsSync(LIBRARY);

test('what c++filt says of the names of libstdc++', {
  skip: oracle ? false : 'needs c++filt and libstdc++',
}, () => {
  const symbols = execFileSync('nm', ['-D', LIBRARY], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const names = [...symbols.matchAll(/ [TtWwi] (_Z[^@\s]+)/g)].map(([, name]) => name!);
  const input = `${names.join('\n')}\n`;
  const theirs = execFileSync('c++filt', ['-p'], { encoding: 'utf8', input, maxBuffer: 1 << 26 }).split('\n');
  // Where std::string is the whole of what is named, c++filt spells it out.
  const short = (text: string): string =>
    text
      .replaceAll(
        /std::basic_(string|istream|ostream|iostream)<char, std::char_traits<char>(, std::allocator<char>)? >/g,
        'std::$1',
      )
      .replace(/^((?:non-)?virtual thunk to .*?)\(\)( const)?$/, '$1');
  const different = names.filter(
    (name, i) => demangle(name) !== name && short(demangle(name)) !== short(theirs[i]!),
  );
  const left = names.filter((name) => demangle(name) === name && !name.startsWith('_ZGTt'));
  ok(names.length > 3000, `${names.length} names`);
  ok(
    different.length < names.length / 50,
    `${different.length} of ${names.length}: ${different.slice(0, 5).join(' ')}`,
  );
  ok(left.length < names.length / 100, `${left.length}: ${left.slice(0, 5).join(' ')}`);
});

test('no name throws, or takes long, or becomes endless', () => {
  const pieces = fc.constantFrom('_Z', '_R', 'N', 'I', 'E', 'S_', 'S0_', 'T_', '3foo', 'P', 'K', 'F', 'i', 'v', 'L', 'X', 'Z', 'B_', 'C5crate', 'St', 'Ul', 'J', 'A3_', 'M', 'D', 'cv', 's_', 'nw'); // biome-ignore format: pieces
  fc.assert(
    fc.property(
      fc.constantFrom('_Z', '_ZN', '_R', '_RNv', '_RI'),
      fc.array(pieces, { maxLength: 60 }),
      (head, tail) => {
        const name = demangle(head + tail.join(''));
        ok(name.length <= 200_000);
      },
    ),
    { numRuns: 2000 },
  );
  // Each level names the one before twice.
  const doubling = `_Z1fI1aIS_S_E${Array.from({ length: 40 }, (_, i) => `1bIS${(i + 1).toString(36).toUpperCase()}_S${(i + 1).toString(36).toUpperCase()}_E`).join('')}Evv`;
  ok(demangle(doubling).length <= 200_000);
});
