/** How many colours the terminal may be sent. `mono` means bold, dim, underline and reverse only. */
export type ColorDepth = 'mono' | '16' | '256' | 'truecolor';

/** What a cell is, not how it looks: each depth has its own look for every role. */
export const ROLES = [
  'text',
  'dim',
  'bold',
  'title',
  'titleDim',
  'tab',
  'tabActive',
  'header',
  'headerSorted',
  'selected',
  'pinned',
  'good',
  'warn',
  'bad',
  'bar',
  'barDim',
  'key',
  'keyLabel',
  'prompt',
  'heading',
] as const;

/** One of the roles a cell can have. */
export type Role = (typeof ROLES)[number];

/** Style numbers by role, as cells hold them. */
export const STYLE = Object.fromEntries(ROLES.map((role, index) => [role, index])) as Record<Role, number>;

/** SGR parameters per role. Text keeps the terminal's own colours, so light and dark themes both work. */
const MONO: Record<Role, string> = {
  text: '',
  dim: '2',
  bold: '1',
  title: '1',
  titleDim: '',
  tab: '',
  tabActive: '1;7',
  header: '1;4',
  headerSorted: '1;4;7',
  selected: '7',
  pinned: '1',
  good: '',
  warn: '1',
  bad: '1;7',
  bar: '',
  barDim: '2',
  key: '1',
  keyLabel: '7',
  prompt: '1',
  heading: '1',
};

const BASIC: Record<Role, string> = {
  ...MONO,
  title: '1;33',
  titleDim: '2',
  tabActive: '1;30;43',
  tab: '2',
  header: '30;43',
  headerSorted: '1;30;47',
  selected: '30;46',
  pinned: '1;33',
  good: '32',
  warn: '1;33',
  bad: '1;37;41',
  bar: '33',
  key: '',
  keyLabel: '30;46',
  prompt: '1;33',
  heading: '1;33',
};

const INDEXED: Record<Role, string> = {
  ...BASIC,
  title: '1;38;5;214',
  titleDim: '38;5;245',
  dim: '38;5;245',
  tab: '38;5;245',
  tabActive: '1;38;5;16;48;5;214',
  header: '38;5;16;48;5;179',
  headerSorted: '1;38;5;16;48;5;214',
  selected: '38;5;16;48;5;152',
  pinned: '1;38;5;214',
  warn: '1;38;5;214',
  bad: '1;38;5;231;48;5;160',
  bar: '38;5;214',
  barDim: '38;5;245',
  keyLabel: '38;5;16;48;5;152',
  prompt: '1;38;5;214',
  heading: '1;38;5;214',
};

const HONEY = '38;2;240;168;48';
const ON_HONEY = '38;2;20;14;4;48;2;240;168;48';
const TRUE: Record<Role, string> = {
  ...INDEXED,
  title: `1;${HONEY}`,
  tabActive: `1;${ON_HONEY}`,
  header: '38;2;20;14;4;48;2;201;154;84',
  headerSorted: `1;${ON_HONEY}`,
  pinned: `1;${HONEY}`,
  warn: `1;${HONEY}`,
  bar: HONEY,
  prompt: `1;${HONEY}`,
  heading: `1;${HONEY}`,
};

const LOOKS: Record<ColorDepth, Record<Role, string>> = {
  mono: MONO,
  '16': BASIC,
  '256': INDEXED,
  truecolor: TRUE,
};

/** The escape sequence of every style number at a depth; each starts from a reset, so order never matters. */
export function sgrTable(depth: ColorDepth): readonly string[] {
  return ROLES.map((role) => {
    const look = LOOKS[depth][role];
    return look === '' ? '\x1b[0m' : `\x1b[0;${look}m`;
  });
}

/** What the environment says about colour: `NO_COLOR` (no-color.org), `COLORTERM` and `TERM`. */
export function detectDepth(env: NodeJS.ProcessEnv): ColorDepth {
  const term = env.TERM ?? '';
  if ((env.NO_COLOR ?? '') !== '' || term === '' || term === 'dumb') return 'mono';
  if (/^(truecolor|24bit)$/i.test(env.COLORTERM ?? '') || /-direct\b|truecolor/.test(term))
    return 'truecolor';
  if (/256color|kitty|alacritty|ghostty|foot/.test(term)) return '256';
  return /^(vt\d|ansi-m|.*-m$|.*-mono)/.test(term) ? 'mono' : '16';
}

/** True when the locale says outright that the terminal does not read UTF-8. */
export function detectAscii(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return locale !== '' && !/utf-?8/i.test(locale);
}
