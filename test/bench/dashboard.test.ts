// Every query of the benchmark's Grafana dashboard, asked of a real VictoriaMetrics that scrapes a real server and skep.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const skip = process.getuid?.() === 0 ? false : 'needs root: skep loads BPF programs';

interface Out {
  readonly sent: number;
  readonly out: readonly {
    readonly title: string;
    readonly targets: number;
    readonly legends: readonly string[];
    readonly finite: number;
    readonly picture: boolean;
  }[];
}

test('every panel of the dashboard has data, and a picture', { skip, timeout: 180_000 }, () => {
  const run = join(import.meta.dirname, 'dashboard-run.ts');
  const text = execFileSync(
    'unshare',
    ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$1"', process.execPath, run],
    { encoding: 'utf8', timeout: 170_000 },
  );
  const { sent, out } = JSON.parse(text.trim().split('\n').at(-1)!) as Out;
  assert.ok(sent >= 20);
  assert.equal(out.length, 8);
  for (const { title, targets, legends, finite, picture } of out) {
    assert.ok(legends.length >= targets, `${title}: ${legends.length} of ${targets} queries have an answer`);
    assert.ok(finite >= targets, `${title}: ${finite} of ${targets} lines have a number`);
    assert.ok(picture, title);
  }
  const lost = out.find(({ title }) => title === 'Not counted')!;
  assert.ok(lost.legends.includes('format') && lost.legends.every((l) => l !== ''), `${lost.legends}`);
});
