import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { describeObject } from '@skep/probe';
import { parseAllDocuments } from 'yaml';
import { fixture } from '../../../test/support/fixtures.ts';
import { TestGroup } from '../../../test/support/group.ts';
import { kubernetesFaults } from '../../../test/support/kubernetes.ts';
import { MALLOC, NODE_FLAGS } from '../src/agent/small.ts';
import { needsOf } from '../src/generate/needs.ts';
import { panelsOf } from '../src/generate/panels.ts';
import { agentUnit, probeUnit } from '../src/generate/systemd.ts';
import { paranoidPerfEvents } from '../src/perf-events.ts';
import { perfDenied } from '../src/run/perf-denied.ts';
import { main, Sandbox } from './harness.ts';
import { source } from './objects.ts';

const box = new Sandbox();
const isRoot = process.getuid?.() === 0;
let unit = '';
before(async () => {
  chmodSync(box.dir, 0o755);
  writeFileSync(box.path('calls.c'), source);
  await box.ok(['build', 'calls.c', 'calls:1']);
  unit = await box.ok([
    ...['generate', 'systemd', 'calls:1', '--prom-listen', '127.0.0.1:0'],
    ...['--', '--target-pid', String(process.pid)],
  ]);
});
after(() => box[Symbol.dispose]());

/** What systemd says of this unit, and of none that is installed here. */
function verify(file: string) {
  return spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', file], { encoding: 'utf8' });
}

test('systemd takes the unit, and finds little exposed', () => {
  const file = box.path('skep-calls.service');
  writeFileSync(file, unit);
  const verified = verify(file);
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  const args = ['security', '--offline=true', '--no-pager', '--threshold=30', file];
  const judged = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  assert.equal(judged.status, 0, judged.stdout);
  // And the oracle can say no.
  writeFileSync(
    file,
    unit.replace(/^(CapabilityBoundingSet|NoNewPrivileges|Protect|SystemCallFilter).*\n/gm, ''),
  );
  assert.notEqual(spawnSync('systemd-analyze', args).status, 0);
});

test('under sudo, the unit reads the store of who called, where the image is found', {
  skip: isRoot ? false : 'another list of users needs root',
}, async () => {
  const store = box.path('home/.local/share/skep/store');
  await box.ok(['build', 'calls.c', 'theirs:1'], { env: { SKEP_STORAGE: store } });
  writeFileSync(box.path('passwd'), `them:x:1234:1234::${box.path('home')}:/bin/sh\n`);
  const shell = 'mount --bind "$0" /etc/passwd && exec "$@"';
  const words = ['generate', 'systemd', 'theirs:1'];
  const env = {
    ...{ ...box.env, SKEP_STORAGE: undefined, SUDO_UID: '1234', SUDO_GID: '1234' },
    SKEP_POLICY: '/etc/skep/strict.yaml',
  };
  const told = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', shell, box.path('passwd'), process.execPath, main, ...words],
    { env, encoding: 'utf8' },
  );
  assert.equal(told.status, 0, told.stderr);
  const environment = told.stdout.split('\n').filter((line) => line.startsWith('Environment='));
  assert.deepEqual(environment, [
    `Environment=SKEP_STORAGE=${store}`,
    'Environment=SKEP_POLICY=/etc/skep/strict.yaml',
  ]);
});

test('whatever a description or a flag holds stays in its line of the unit', () => {
  const about = {
    ...{ program: 'x:1', skep: ['/bin/true'], storage: '/a b/"c"', listen: undefined },
    description: 'ends with a backslash\n[Service]\nExecStart=/bin/false \\\\',
    words: ['--filter', 'a\nExecStopPost=/bin/false', '$HOME %n;', '\\', ''],
  };
  const text = probeUnit(about, needsOf([]));
  assert.match(text, /^Description=skep: ends with a backslash \[Service\] ExecStart=\/bin\/false\nWants=/m);
  assert.doesNotMatch(text, /^ExecStopPost/m);
  const file = box.path('odd.service');
  writeFileSync(file, text);
  const verified = verify(file);
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
});

test('what lies in /tmp is let into the /tmp of the service, and only that', () => {
  const about = {
    ...{ program: 'x:1', description: 'x', words: ['--params', '/var/tmp/my params.yaml', '/tmp/a:b'] },
    skep: ['/usr/bin/node', '/tmp/skep/packages/cli/dist/main.js'],
    ...{ storage: '/tmp/a$b/store', policy: '/etc/skep/policy.yaml' },
  };
  const text = probeUnit(about, needsOf([]));
  assert.match(
    text,
    /^BindReadOnlyPaths=\/tmp\/skep "\/var\/tmp\/my params.yaml" "\/tmp\/a:b" "\/tmp\/a\$b\/store"\n/m,
  );
  assert.match(
    text,
    /^Environment="SKEP_STORAGE=\/tmp\/a\$b\/store"\n/m,
    'only command lines have variables',
  );
  const file = box.path('temporary.service');
  writeFileSync(file, text);
  const verified = verify(file);
  assert.equal(verified.status === 0 ? '' : verified.stderr.replace(/.*node is not exec.*/g, ''), '');
  const elsewhere = { ...about, words: [], skep: [], storage: '/var/lib/tmp/store' };
  assert.doesNotMatch(probeUnit(elsewhere, needsOf([])), /BindReadOnlyPaths/);
});

test('labels that Prometheus has itself are asked for as what it makes of them', () => {
  const labels = ['job', 'instance', 'comm'];
  const [panel] = panelsOf({ name: 'x_total', type: 'counter', labels, unit: '', help: 'Calls.' } as never);
  const { expr, legendFormat } = panel!.targets![0]!;
  assert.match(expr, /sum by \(exported_job, exported_instance, comm\)/);
  assert.equal(legendFormat, '{{exported_job}} {{exported_instance}} {{comm}}');
});

test('a machine that keeps perf events for CAP_SYS_ADMIN has it in the unit, for probes that need them', async () => {
  const oomkill = await fixture(new URL('../../../probes/oomkill/oomkill.c', import.meta.url));
  const calls = await fixture(new URL('../../../packages/runtime/test/events.bpf.c', import.meta.url));
  const caps = (bytes: Uint8Array, paranoid: boolean) =>
    needsOf([describeObject(bytes, 'x.o')], paranoid).capabilities.join(' ');
  const few = 'CAP_DAC_READ_SEARCH CAP_PERFMON CAP_BPF';
  assert.equal(caps(oomkill, false), few);
  assert.equal(caps(oomkill, true), 'CAP_DAC_READ_SEARCH CAP_SYS_ADMIN CAP_PERFMON CAP_BPF');
  assert.equal(caps(calls, false), few);
  const [about, needs] = [
    { program: 'x', description: '50 % of x', skep: [], storage: '', words: [] },
    oomkill,
  ];
  const text = (paranoid: boolean) => probeUnit(about, needsOf([describeObject(needs, 'x.o')], paranoid));
  assert.match(text(true), /^# CAP_SYS_ADMIN since[^\n]*\n#[^\n]*\nCapabilityBoundingSet=.*CAP_SYS_ADMIN/m);
  assert.doesNotMatch(text(false), /SYS_ADMIN/);
  assert.match(text(true), /gives it up/);
  const agent = agentUnit({ skep: [], words: [] }, needsOf([describeObject(needs, 'x.o')], true));
  assert.match(agent, /^# CAP_SYS_ADMIN since/m);
  assert.doesNotMatch(agent, /gives it up/, 'an agent keeps its rights');
  assert.match(text(false), /^Description=skep: 50 %% of x$/m, 'no specifier of systemd');
  const file = box.path('paranoid');
  for (const [value, found] of [
    ['3\n', 3],
    ['2\n', undefined],
    ['-1\n', undefined],
  ] as const) {
    writeFileSync(file, value);
    assert.equal(paranoidPerfEvents(file), found);
  }
  assert.equal(paranoidPerfEvents(box.path('absent')), undefined);
  // What the kernels of Debian answer then, from a guest: see confined.kernel.test.ts.
  const refused = { errno: 13, log: 'libbpf: tracepoint … perf_event_open() failed: Permission denied' };
  assert.match(perfDenied(refused, new Set(['CAP_BPF']), 3)?.hint ?? '', /perf_event_paranoid=2/);
  const probe = "libbpf: prog 'a': failed to create kprobe 'do_unlinkat+0x0' perf event: Permission denied";
  assert.ok(perfDenied({ errno: 13, log: probe }, new Set(['CAP_BPF']), 3));
  for (const [error, caps, paranoid] of [
    [refused, ['CAP_SYS_ADMIN'], 3],
    [refused, [], undefined],
    [new Error('other'), [], 3],
  ] as const)
    assert.equal(perfDenied(error, new Set<string>(caps), paranoid ?? undefined), undefined);
});

const needsRoot = { skip: isRoot ? false : 'needs root' };

/** systemd's end of the conversation with a service. */
class Manager implements Disposable {
  static #count = 0;
  readonly socket = `@skep-test-${process.pid}-${Manager.#count++}`;
  readonly #perl: ChildProcess;
  readonly #told: AsyncIterator<string>;

  constructor() {
    const listen =
      '$|=1; use Socket; socket(S,AF_UNIX,SOCK_DGRAM,0); bind(S,pack("S a*",AF_UNIX,"\\0".substr($ARGV[0],1))) or die $!; ' +
      'print "bound\\n"; while (defined recv(S,$m,999,0)) { print "$m\\n" }';
    this.#perl = spawn('perl', ['-e', listen, this.socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#told = createInterface({ input: this.#perl.stdout! })[Symbol.asyncIterator]();
  }

  async next(): Promise<string> {
    return (await this.#told.next()).value;
  }

  [Symbol.dispose](): void {
    this.#perl.kill('SIGKILL');
  }
}

/** Starts a unit's command as another user with the unit's rights, waits until it is ready and healthy, and ends it as a reload does. */
async function serve(text: string, meanwhile: (url: string) => Promise<void> = async () => undefined) {
  const command = /^ExecStart=(.*)$/m.exec(text)![1]!.split(' ');
  const caps = /^AmbientCapabilities=(.*)$/m.exec(text)![1]!.split(' ');
  const wanted = ['-all', ...caps.map((c) => `+${c.replace('CAP_', '').toLowerCase()}`)].join(',');
  using manager = new Manager();
  assert.equal(await manager.next(), 'bound');
  const rights = [`--inh-caps=${wanted}`, `--ambient-caps=${wanted}`, `--bounding-set=${wanted}`];
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', ...rights];
  const child = spawn('setpriv', [...nobody, ...command], {
    env: { ...box.env, NOTIFY_SOCKET: manager.socket },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const early = once(child, 'exit').then(() => `it ended: ${said}`);
    assert.equal(await Promise.race([manager.next(), early]), 'READY=1');
    while (!said.includes('metrics: ')) await once(child.stderr, 'data');
    const url = /metrics: (http\S+)\/metrics/.exec(said)![1]!;
    const health = await fetch(`${url}/healthz`);
    assert.deepEqual([health.status, await health.text()], [200, 'ok\n']);
    await meanwhile(url);
    child.kill('SIGHUP');
    assert.equal(await manager.next(), 'STOPPING=1');
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    assert.equal(code, 0, said);
  } finally {
    child.kill('SIGKILL');
  }
}

test(
  "its command is ready, healthy and stopped by SIGHUP, as another user with the unit's rights",
  needsRoot,
  () => serve(unit),
);

test(
  "the agent is a service with few rights that knows who other users' processes are",
  needsRoot,
  async () => {
    using group = new TestGroup();
    const socket = box.path('run/agent.sock');
    mkdirSync(box.path('run'));
    chownSync(box.path('run'), 65534, 65534);
    const words = ['--cgroup', group.dir, '--socket', socket];
    const asked = ['generate', 'systemd', '--agent', '--prom-listen', '127.0.0.1:0', '--', ...words];
    const text = await box.ok(asked);
    const file = box.path('skep-agent.service');
    writeFileSync(file, text);
    const verified = verify(file);
    assert.deepEqual([verified.status, verified.stderr], [0, '']);
    const args = ['security', '--offline=true', '--no-pager', '--threshold=35', file];
    const judged = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    assert.equal(judged.status, 0, judged.stdout);
    // What keeps it small is the same as in the launcher, without which a unit starts it.
    const launcher = await readFile(new URL('../../../bin/skep', import.meta.url), 'utf8');
    assert.match(launcher, new RegExp(NODE_FLAGS.join(' ')));
    for (const setting of Object.entries(MALLOC).map((pair) => pair.join('='))) {
      assert.match(launcher, new RegExp(`export ${setting}$`, 'm'));
      assert.match(text, new RegExp(`^Environment=${setting}$`, 'm'));
    }
    await serve(text, async (url) => {
      const enter = `echo $$ >'${group.dir}/cgroup.procs' && exec "$@"`;
      // It stays until it has been looked at: of one that has ended the kernel tells no language.
      const ask =
        'fetch(process.argv[1]).then((r) => r.text()).then(() => { console.log("asked"); process.stdin.resume(); })';
      const asker = spawn('sh', ['-c', enter, 'sh', process.execPath, '-e', ask, `${url}/healthz`], {
        env: { ...process.env, OTEL_SERVICE_NAME: 'asker' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(asker.stdout, 'data');
      let names: string[] = [];
      for (let i = 0; i < 50 && names.length === 0; i++) {
        const services = JSON.parse(await box.ok(['agent', 'services', '-o', 'json', '--socket', socket]));
        names = services.map((s: { name: string; language?: string }) => `${s.name} ${s.language}`);
      }
      assert.deepEqual(names, ['asker nodejs']);
      const ended = once(asker, 'exit');
      asker.stdin.end();
      await ended;
    });
  },
);

test('the agent on every node has the right to see what runs there', async () => {
  const image = 'registry.example/skep:1';
  const text = await box.ok(['generate', 'kubernetes', '--agent', '--image', image, '--', '--port', '80']);
  const things = parseAllDocuments(text).map((d) => d.toJS());
  assert.deepEqual(kubernetesFaults(things), [null, null, null, null]);
  const [container] = things.find((t) => t.kind === 'DaemonSet').spec.template.spec.containers;
  const { capabilities } = container.securityContext;
  assert.deepEqual(capabilities.add, ['DAC_READ_SEARCH', 'SYS_PTRACE', 'PERFMON', 'BPF']);
  const args = 'agent --no-tty --socket /tmp/agent.sock --prom-listen :9464 --port 80';
  assert.deepEqual(container.args, args.split(' '));
  const env = new Map(container.env.map((e: { name: string }) => [e.name, e]));
  assert.deepEqual(env.get('OTEL_RESOURCE_ATTRIBUTES'), {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    value: 'k8s.node.name=$(NODE_NAME)',
  });
  assert.ok(env.has('NODE_NAME'));
  await box.fails(2, /--agent says nothing to rules/, ['generate', 'rules', '--agent']);
  await box.fails(2, /instead of a program, and "x" is one/, ['generate', 'systemd', '--agent', 'x']);
  await box.fails(2, /no program is named/, ['generate', 'systemd']);
});

test('Kubernetes takes the manifests, with the rights that the probe needs and no more', async () => {
  const image = 'registry.example/calls:1';
  const text = await box.ok(['generate', 'kubernetes', 'calls:1', '--image', image, '--monitor']);
  const things = parseAllDocuments(text).map((d) => d.toJS());
  const [monitor, ...own] = things.reverse();
  assert.deepEqual(
    own.map((t) => t.kind),
    ['Service', 'DaemonSet', 'ServiceAccount', 'Namespace'],
  );
  assert.equal(monitor.kind, 'ServiceMonitor');
  assert.deepEqual(kubernetesFaults([...own, monitor]), [null, null, null, null, null]);
  const { endpoints } = monitor.spec;
  assert.match(kubernetesFaults([{ ...monitor, spec: { endpoints } }])[0] ?? '', /'selector' is a required/);
  const pod = own[1].spec.template.spec;
  assert.equal(pod.automountServiceAccountToken, false);
  assert.deepEqual(pod.containers[0].securityContext.capabilities, {
    drop: ['ALL'],
    add: ['DAC_READ_SEARCH', 'PERFMON', 'BPF'],
  });
  const labels = own[1].spec.selector.matchLabels;
  assert.deepEqual(
    [own[1].spec.template.metadata.labels, own[0].spec.selector, monitor.spec.selector.matchLabels],
    [labels, labels, labels],
  );
  // As kubectl reads it, which is YAML 1.1.
  const odd = ['m,x,yes', 'on', '012', '1_000', '1:30', '2026-11-26'].flatMap((text) => ['--filter', text]);
  const flags = await box.ok(['generate', 'kubernetes', 'calls:1', '--image', image, '--', ...odd]);
  const daemonSet = parseAllDocuments(flags, { version: '1.1' })
    .map((d) => d.toJS())
    .find((t) => t.kind === 'DaemonSet');
  assert.deepEqual(daemonSet.spec.template.spec.containers[0].args.slice(-odd.length), odd);
  await box.fails(2, /kubernetes needs --image/, ['generate', 'kubernetes', 'calls:1']);
  await box.fails(2, /Allowed choices are systemd, kubernetes, dashboards, rules/, [
    'generate',
    'x',
    'calls:1',
  ]);
  await box.fails(2, /"a b" is not an image name/, ['generate', 'kubernetes', 'calls:1', '--image', 'a b']);
  const named = ['generate', 'kubernetes', 'calls:1', '--image', image, '--namespace', 'No Name'];
  await box.fails(2, /--namespace: "No Name" is no name for Kubernetes/, named);
  await box.fails(2, /--image says nothing to systemd/, ['generate', 'systemd', 'calls:1', '--image', 'x']);
});

test('what would not start is told to who generates it', async () => {
  const kinds = [['systemd'], ['kubernetes', '--image', 'registry.example/calls:1']];
  const wrong: [message: RegExp, words: string[]][] = [
    [/unknown option '--target-pdi'\n {2}Did you mean --target-pid\?/, ['--target-pdi', '1']],
    [/--target-pid needs a value/, ['--target-pid']],
    [/There is no parameter "nosuch"/, ['--set', 'nosuch=1']],
    [/"soon" is not a duration/, ['--timeout', 'soon']],
    [/Allowed choices are/, ['--pull', 'sometimes']],
    [/--name and --label are for what runs in the background/, ['--name', 'x']],
    [/-d is for a terminal/, ['-d']],
    [/-o table is for a terminal|--output table needs a terminal/, ['-o', 'table']],
  ];
  for (const [kind, ...rest] of kinds) {
    for (const [message, words] of wrong)
      await box.fails(2, message, ['generate', kind!, 'calls:1', ...rest, '--', ...words]);
    const right = [
      '--target-pid',
      '1',
      '--set',
      'target_pid=1',
      '--cgroup',
      '/not/here',
      '--max-series',
      '7',
    ];
    const said = await box.ok(['generate', kind!, 'calls:1', ...rest, '--', ...right]);
    assert.match(said, /max-series/);
    await box.fails(2, /unknown option '--prot'\n {2}Did you mean --port\?/, [
      ...['generate', kind!, '--agent', ...rest, '--', '--prot', '80'],
    ]);
  }
  await box.fails(2, /--no-prom excludes an address/, [
    ...['generate', 'systemd', 'calls:1', '--no-prom', '--', '--prom-listen', ':9100'],
  ]);
});

test('promtool takes the rules, and each fires when it should and not before', async () => {
  const file = box.path('rules.yaml');
  writeFileSync(file, await box.ok(['generate', 'rules', 'calls:1', '--name', 'calls']));
  const checked = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  assert.match(checked.stdout, /SUCCESS: 4 rules found/);
  const on = 'job="calls",instance="a"';
  const series = [
    { series: `up{${on}}`, values: '1 1 1 0x30' },
    { series: `skep_run_lost_events_total{${on},map="print_x",reason="ring_full"}`, values: '0x14 5x20' },
    { series: `skep_run_buffer_found_full_total{${on},map="print_x"}`, values: '0x14 1x20' },
    { series: `skep_run_decode_errors_total{${on}}`, values: '0x14 2x20' },
    // Another job's is nobody's business here.
    { series: 'skep_run_decode_errors_total{job="other",instance="b"}', values: '0+1x34' },
  ];
  const fires = (alertname: string, labels: object, severity = 'warning') => ({
    quiet: { eval_time: alertname === 'SkepDown' ? '7m' : '14m', alertname, exp_alerts: [] },
    loud: {
      eval_time: '17m',
      alertname,
      exp_alerts: [{ exp_labels: { ...labels, severity, instance: 'a' } }],
    },
  });
  const cases = [
    fires('SkepDown', { job: 'calls' }, 'critical'),
    fires('SkepEventsLost', { map: 'print_x', reason: 'ring_full' }),
    fires('SkepBufferFull', { map: 'print_x' }),
    fires('SkepUnreadable', { job: 'calls' }),
  ];
  const test = (alerts: object[]) => {
    const tests = [{ interval: '1m', input_series: series, alert_rule_test: alerts }];
    writeFileSync(box.path('test.yaml'), JSON.stringify({ rule_files: [file], tests }));
    return spawnSync('promtool', ['test', 'rules', box.path('test.yaml')], { encoding: 'utf8' });
  };
  const quiet = test(cases.map((c) => c.quiet));
  assert.equal(quiet.status, 0, quiet.stderr + quiet.stdout);
  // Annotations are compared too; that they are there is enough.
  const rules = parseAllDocuments(
    await box.ok(['generate', 'rules', 'calls:1', '--name', 'calls']),
  )[0]!.toJS();
  const loud = test(
    cases.map(({ loud }) => {
      const labels = loud.exp_alerts[0]!.exp_labels as Record<string, string>;
      const { annotations } = rules.groups[0].rules.find(
        (r: { alert: string }) => r.alert === loud.alertname,
      );
      const fill = (text: string) =>
        text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name]!);
      const exp_annotations = { summary: fill(annotations.summary), description: annotations.description };
      return { ...loud, exp_alerts: [{ exp_labels: labels, exp_annotations }] };
    }),
  );
  assert.equal(loud.status, 0, loud.stderr + loud.stdout);
});
