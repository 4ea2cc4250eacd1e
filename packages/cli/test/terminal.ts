import { Screen } from '../../../test/support/screen.ts';
import { main, type Sandbox } from './harness.ts';

const RUN = 'node=$1; shift; "$node" "$@"; echo "code $?"; read line';

/**
 * Starts `skep` with these words, 90 columns by 40 lines unless said. At its end the screen says `code 0`, or whatever it was.
 *
 * @param term what the terminal calls itself
 */
export function inTerminal(box: Sandbox, words: readonly string[], term = 'screen', columns = 90): Screen {
  const shell = `export TERM=${term}; ${RUN}`;
  return new Screen(['sh', '-c', shell, 'sh', process.execPath, main, ...words], {
    columns,
    rows: 40,
    env: { ...box.env, TERM: 'xterm-256color' },
    cwd: box.dir,
  });
}
