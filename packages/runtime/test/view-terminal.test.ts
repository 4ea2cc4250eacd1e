import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';

const CHILD = fileURLToPath(new URL('view-child.ts', import.meta.url));

/** What a shell's terminal looks like before and after a program had it. */
interface After {
  bytes: string;
  term: xterm.Terminal;
  /** `stty -a` before and after. */
  modes: [string, string];
  code: number;
}

/**
 * Runs the child under `script`, on a pseudo-terminal of its own. `keys` are typed once the screen is there,
 * each after the one before was answered with a frame.
 */
async function runOnTerminal(way: string, keys: readonly string[] = []): Promise<After> {
  const quoted = `'${process.execPath}' '${CHILD}' ${way}`;
  const shell = `stty cols 80 rows 24; echo BEFORE; stty -a; ${quoted}; echo CODE=$?; echo AFTER; stty -a; echo END`;
  const child = spawn('script', ['-qec', shell, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let bytes = '';
  const waiting = [...keys];
  let frames = 0;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    bytes += text;
    const seen = bytes.split('\x1b[?2026l').length - 1;
    if (seen > frames && waiting.length > 0 && bytes.includes('waiting for events'))
      child.stdin.write(waiting.shift()!);
    frames = seen;
  });
  await new Promise((resolve, reject) => {
    child.on('close', resolve);
    child.on('error', reject);
  });
  const term = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  await new Promise<void>((resolve) => term.write(bytes, resolve));
  const modes = /BEFORE\r\n([\s\S]*?)\x1b\[\?1049h[\s\S]*AFTER\r\n([\s\S]*?)END/.exec(bytes);
  assert.ok(modes, `no stty output in ${JSON.stringify(bytes)}`);
  return { bytes, term, modes: [modes[1]!, modes[2]!], code: Number(/CODE=(\d+)/.exec(bytes)![1]) };
}

function assertRestored({ bytes, term, modes }: After): void {
  assert.equal(term.buffer.active.type, 'normal');
  assert.equal(modes[1], modes[0]);
  assert.match(modes[1], /(?<!-)\bicanon\b[\s\S]*(?<!-)\becho\b/);
  assert.ok(bytes.lastIndexOf('\x1b[?25h') > bytes.lastIndexOf('\x1b[?25l'), 'the cursor is shown');
  assert.ok(bytes.lastIndexOf('\x1b[?7h') > bytes.lastIndexOf('\x1b[?7l'), 'lines wrap again');
  assert.ok(bytes.lastIndexOf('\x1b[?2026l') > bytes.lastIndexOf('\x1b[?2026h'), 'no update is left open');
}

/** What stands on the shell's own screen. */
function screenText(term: xterm.Terminal): string {
  const buffer = term.buffer.active;
  return Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)!.translateToString(true)).join(
    '\n',
  );
}

for (const way of ['throw', 'told', 'reject']) {
  test(`an uncaught error (${way}) gives the terminal back and stands on the shell's screen`, async () => {
    const after = await runOnTerminal(way);
    assertRestored(after);
    assert.equal(after.code, 1);
    assert.match(screenText(after.term), /Error: the probe broke/);
  });
}

const ENDS: [way: string, code: number][] = [
  ['exit', 3],
  ['stop', 0],
  ['sigterm', 128 + 15],
  ['sighup', 128 + 1],
];
for (const [way, code] of ENDS) {
  test(`ending by ${way} gives the terminal back, with the code one expects`, async () => {
    const after = await runOnTerminal(way);
    assertRestored(after);
    assert.equal(after.code, code);
  });
}

test('q and ctrl-c, typed at a real terminal, end it', async () => {
  for (const key of ['q', '\x03']) {
    const after = await runOnTerminal('wait', [key]);
    assertRestored(after);
    assert.equal(after.code, 0);
  }
});

test('ctrl-c twice ends a run that does not stop', async () => {
  const after = await runOnTerminal('hang', ['\x03', '\x03']);
  assertRestored(after);
  assert.equal(after.code, 130);
});
