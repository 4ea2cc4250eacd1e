import { match, ok, strictEqual } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { openPage } from '../scripts/lib/chromium.ts';
import { mismatch, steps } from '../scripts/lib/walkthrough.ts';
import { pageOf, textOf, walk } from './workshop/walk.ts';

const workshop = 'docs/workshop/oomkill.md';
const skip = process.getuid?.() === 0 ? false : 'loads BPF and makes a cgroup: needs root';

test('the workshop runs as it stands, and its number is in the web page of Prometheus', {
  skip,
}, async () => {
  let pages = 0;
  await walk(workshop, async (step) => {
    const url = pageOf(step);
    if (!url) return;
    pages++;
    const image = /!\[[^\]]*\]\(([^)]+)\)/.exec(step.after)?.[1];
    ok(
      image && existsSync(new URL(image, import.meta.resolve('../docs/workshop/oomkill.md'))),
      'its picture',
    );

    await using graph = await openPage(url);
    await graph.page.getByText('skep_oom_kills_total{asked_by="tail"').waitFor();

    await using table = await openPage(url.replace('g0.tab=0', 'g0.tab=1'));
    const row = table.page.locator('tr', { hasText: 'asked_by="tail"' });
    await row.waitFor();
    const [metric, value] = await row.locator('td').allTextContents();
    match(metric ?? '', /^skep_oom_kills_total\{asked_by="tail",.*job="skep"\}$/);
    strictEqual(value, '3');
  });
  strictEqual(pages, 1, 'the text shows the page once');
});

test("the README's own probe runs as it stands", { skip }, async () => {
  let steps = 0;
  await walk('README.md', async () => void steps++);
  strictEqual(steps, 2);
});

test('each program of the workshop is whole in the text', () => {
  const programs = [...textOf(workshop).matchAll(/cat > oomkill\.c <<'EOF'\n([\s\S]*?)\nEOF\n/g)].map(
    (found) => found[1]!,
  );
  strictEqual(programs.length, 3, 'hash map, perf buffer, ring buffer');
  for (const [i, word] of ['SKEP_HASH(counter_', 'SKEP_PERF(print_', 'SKEP_RINGBUF(print_'].entries()) {
    ok(programs[i]!.includes(word), word);
    ok(programs[i]!.includes('SEC("tracepoint/oom/mark_victim")'), 'a hook that every kernel has');
  }
});

test('a text is split into commands and what they print', () => {
  const found = steps(
    '# A\n```sh\none\n```\nIt says:\n\n```text\n1\n```\n![x](y.png)\n\n```c\nno\n```\n```sh\ntwo\n```\n',
  );
  strictEqual(found.length, 2);
  strictEqual(found[0]!.commands, 'one\n');
  strictEqual(found[0]!.expected, '1\n');
  strictEqual(found[0]!.line, 2);
  ok(found[0]!.after.includes('y.png'));
  strictEqual(found[1]!.expected, undefined);
});

test('what is printed is held to the text, dots stand for what differs', () => {
  strictEqual(mismatch('a … c\n', 'a b c\n'), undefined);
  strictEqual(mismatch('…\nend\n', 'x\ny\nend\nmore'), undefined);
  match(mismatch('a\nc\n', 'a\nb\nc') ?? '', /no line "c"/);
  match(mismatch('…\nend\n', 'x\ny') ?? '', /no line "end"/);
  match(mismatch('=> 3\n', '=> 4\n') ?? '', /no line "=> 3"/);
});
