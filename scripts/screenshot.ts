/**
 * node scripts/screenshot.ts [NAME…]: makes the pictures in docs/images anew. They show real runs on this machine,
 * each narrowed to a cgroup of its own. Needs root, tmux, chromium, and what `make demo` needs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Screen } from '../test/support/screen.ts';
import { pageOf, walk } from '../test/workshop/walk.ts';
import { openPage } from './lib/chromium.ts';
import { type MemoryCgroup, makeMemoryCgroup } from './lib/memory-cgroup.ts';
import { queryPrometheus, until } from './lib/services.ts';
import { terminalPicture } from './lib/terminal-picture.ts';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs/images');

/** A picture of a probe's live view. */
interface Shot {
  probe: string;
  flags?: string;
  rows: number;
  /** A shell's loop that gives it something to see, run in the probe's cgroup until the picture is taken. */
  load: string;
  /** Keys, once the first data is there. */
  keys?: string[];
  /** The screen that is worth a picture. */
  when: RegExp;
}

const columns = 104;
const shots: Record<string, Shot> = {
  execsnoop: {
    probe: 'execsnoop',
    rows: 22,
    load: `cd $(mktemp -d); git init -q .; printf 'int main(void) { return 0; }\\n' > hello.c
      printf 'hello: hello.c\\n\\tgcc -O2 -Wall hello.c -o hello\\n' > Makefile
      while :; do make -B -s; ./hello; git add . ; git status --short >/dev/null; sleep 0.3; done`,
    when: /follow/,
  },
  fslatency: {
    probe: 'fslatency',
    rows: 26,
    load: `cd $(mktemp -d); while :; do
      dd if=/dev/zero of=data bs=64k count=200 conv=fsync status=none; dd if=data of=/dev/null bs=16k status=none
      find /usr/include -name '*.h' -exec cat {} + > /dev/null; sleep 0.2; done`,
    when: /READ/,
  },
};

async function take(name: string, shot: Shot): Promise<void> {
  using cgroup = makeMemoryCgroup(`skep-shot-${process.pid}`, 1 << 30);
  const home = mkdtempSync(join(tmpdir(), 'shot-'));
  const command = `skep run ${shot.probe} --set target_cgroup=${cgroup.path} --no-prom ${shot.flags ?? ''}`;
  const env = { SKEP_STORAGE: home, PATH: `${join(root, 'bin')}:${process.env.PATH}` };
  try {
    const build = spawn('skep', ['build', '-q', `probes/${shot.probe}/${shot.probe}.c`, shot.probe], {
      cwd: root,
      env: { ...process.env, ...env },
    });
    const [code] = await once(build, 'exit');
    if (code !== 0) throw new Error(`skep build ${shot.probe}: ${code}`);
    using screen = new Screen([command], {
      columns,
      rows: shot.rows,
      env: { ...process.env, COLORTERM: 'truecolor', ...env },
    });
    await screen.until(/Quit/);
    const load = inside(cgroup, shot.load, home);
    try {
      await screen.until(shot.when);
      if (shot.keys) screen.press(...shot.keys);
      await screen.until(/up 00:00:0[5-9]/);
      const caption = `skep run ${shot.probe}`;
      const svg = await terminalPicture(screen.text(true), { columns, rows: shot.rows, caption });
      writeFileSync(join(images, `${name}.svg`), svg);
    } finally {
      load.kill('SIGKILL');
      cgroup.remove(); // and with it what the load had started, which may still be writing
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function inside(cgroup: MemoryCgroup, script: string, dir: string): ChildProcess {
  return spawn('bash', ['-c', `${cgroup.enter}\n${script}`], {
    cwd: dir,
    env: { ...process.env, TMPDIR: dir },
    stdio: 'ignore',
  });
}

/** The last picture of the workshop: Prometheus' own page. */
async function workshop(): Promise<void> {
  await walk('docs/workshop/oomkill.md', async (step) => {
    const url = pageOf(step);
    if (!url) return;
    // Half a minute of the step, so that it can be seen as one.
    await until(
      'some seconds after the kill',
      async () => {
        const query = 'count_over_time((skep_oom_kills_total == 3)[1m:1s]) > 20';
        return (await queryPrometheus(new URL(url).host, query))[0];
      },
      60_000,
    );
    await using open = await openPage(url, { width: 1000, height: 740 });
    await open.page.getByText('skep_oom_kills_total{asked_by="tail"').waitFor();
    await open.page.screenshot({ path: join(images, 'workshop-prometheus.png'), fullPage: true });
  });
}

mkdirSync(images, { recursive: true });
const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : [...Object.keys(shots), 'workshop']) {
  const shot = shots[name];
  if (shot) await take(name, shot);
  else if (name === 'workshop') await workshop();
  else throw new Error(`no picture ${name}; there are ${Object.keys(shots).join(', ')}, workshop`);
  console.log(`docs/images/${name}`);
}
