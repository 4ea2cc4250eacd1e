// The memory of processes: what it keeps, for how long, and what becomes of a pid that is used again.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Host, Identities, IdentityError, readProcess, ticksOfNanoseconds } from '../src/index.ts';
import { folder, started } from './support/started.ts';

/** A /proc of our own making, whose processes begin and end when the test says so. */
class FakeProc {
  readonly dir: string;

  constructor(t: TestContext) {
    this.dir = folder(t);
  }

  put(
    pid: number,
    startTime: number,
    exe: string,
    more: { argv?: string[]; cgroup?: string; environ?: string[] } = {},
  ): void {
    const dir = join(this.dir, String(pid));
    this.end(pid);
    mkdirSync(join(dir, 'ns'), { recursive: true });
    const zeros = Array.from({ length: 30 }, () => '0');
    zeros[15] = '3';
    zeros[17] = String(startTime);
    writeFileSync(join(dir, 'stat'), `${pid} (a) b)) S 1 ${zeros.join(' ')}\n`);
    writeFileSync(join(dir, 'status'), 'Uid:\t7\t8\t9\t10\nNSpid:\t4711\t5\n');
    writeFileSync(join(dir, 'cmdline'), `${(more.argv ?? [exe]).join('\0')}\0`);
    writeFileSync(join(dir, 'cgroup'), more.cgroup ?? '0::/\n');
    writeFileSync(join(dir, 'environ'), (more.environ ?? []).map((v) => `${v}\0`).join(''));
    symlinkSync(exe, join(dir, 'exe'));
    symlinkSync('net:[42]', join(dir, 'ns/net'));
  }

  end(pid: number): void {
    process.getBuiltinModule('node:fs').rmSync(join(this.dir, String(pid)), { recursive: true, force: true });
  }
}

function memory(t: TestContext, options: { capacity?: number; graceMs?: number; recheckMs?: number } = {}) {
  const proc = new FakeProc(t);
  const clock = { now: 1000 };
  const host = new Host({ proc: proc.dir, root: proc.dir, cgroup2: join(proc.dir, 'cgroup2') });
  return { proc, clock, host, identities: new Identities({ host, clock: () => clock.now, ...options }) };
}

test('a stat line with brackets in the name, ids and namespaces', (t) => {
  const { proc, host } = memory(t);
  proc.put(7, 99, '/usr/sbin/nginx', { argv: ['nginx', '', '-g'] });
  const p = readProcess(host, 7)!;
  assert.deepEqual([p.comm, p.startTime, p.ppid, p.uid, p.threads, p.innerPid], ['a) b)', 99, 1, 8, 3, 5]);
  assert.deepEqual(p.argv, ['nginx', '', '-g']);
  assert.deepEqual(p.namespaces, { net: 42 });
});

suite('without events', () => {
  test('a pid that is used again is another process', (t) => {
    const { proc, clock, identities } = memory(t);
    proc.put(7, 100, '/usr/bin/first');
    assert.equal(identities.get(7)?.service.name, 'first');
    proc.put(7, 200, '/usr/bin/second');
    clock.now += 10_000;
    assert.equal(identities.get(7)?.service.name, 'second');
    assert.equal(
      identities.get(7, { startTime: 100 })?.service.name,
      'first',
      'late data still finds its name',
    );
    assert.equal(identities.get(7, { startTime: 200 })?.service.name, 'second');
    assert.equal(identities.get(7, { startTime: 300 }), undefined);
  });

  test('a process that has become another program is seen at the next check', (t) => {
    const { proc, clock, identities } = memory(t);
    proc.put(7, 100, '/bin/sh');
    const before = identities.get(7)!;
    proc.put(7, 100, '/usr/bin/server-x');
    assert.equal(identities.get(7), before);
    clock.now += 5_001;
    const after = identities.get(7)!;
    assert.equal(after.service.name, 'server-x');
    assert.notEqual(after.key, before.key);
  });

  test('an ended process is known for the grace time', (t) => {
    const { proc, clock, identities } = memory(t, { graceMs: 60_000 });
    proc.put(7, 100, '/usr/bin/job');
    identities.get(7);
    proc.end(7);
    clock.now += 6_000;
    assert.equal(identities.get(7)?.service.name, 'job');
    clock.now += 60_001;
    assert.equal(identities.get(7), undefined);
    assert.equal(identities.stats.size, 0);
  });

  test('a pid without a process is not looked for again for a second', (t) => {
    const { proc, clock, identities } = memory(t);
    assert.equal(identities.get(7), undefined);
    proc.put(7, 100, '/usr/bin/job');
    assert.equal(identities.get(7), undefined);
    clock.now += 1_001;
    assert.equal(identities.get(7)?.service.name, 'job');
  });
});

suite('with events', () => {
  test('a process that has ended already is known by its exec', (t) => {
    const { proc, identities } = memory(t);
    const cgroup = `${proc.dir}/cgroup2/system.slice/nightly.service`;
    mkdirSync(cgroup, { recursive: true });
    const { ino } = process.getBuiltinModule('node:fs').statSync(cgroup, { bigint: true });
    const argv = ['python3', '-m', 'billing.close'];
    identities.exec({ pid: 7, startTime: 100, ppid: 3, exe: '/usr/bin/python3.11', argv, uid: 5 });
    identities.exit({ pid: 7, startTime: 100 });
    identities.exec({ pid: 8, startTime: 101, exe: '/usr/bin/true', cgroupId: ino });
    identities.exit({ pid: 8, startTime: 101 });
    const seven = identities.get(7, { startTime: 100 })!;
    assert.deepEqual([seven.service.name, seven.fromEvent, seven.process.uid], ['billing.close', true, 5]);
    const eight = identities.get(8)!;
    assert.deepEqual(
      [eight.service.name, eight.service.rule],
      ['nightly', 'systemd-unit'],
      'by the id of its cgroup',
    );
  });

  test('a process that has ended already is called what its environment said', (t) => {
    const { identities } = memory(t);
    const named = (pid: number, environment: Record<string, string>) => {
      const told = new Map(Object.entries(environment));
      identities.exec({ pid, startTime: 100, exe: '/usr/bin/perl', environment: told });
      identities.exit({ pid, startTime: 100 });
      const { service, declared, fromEvent } = identities.get(pid)!;
      return [service.name, service.rule, service.namespace, [...declared], fromEvent];
    };
    const all = {
      OTEL_SERVICE_NAME: 'till',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=counter,service.namespace=shop,team=bees',
      DD_SERVICE: 'desk',
    };
    const { OTEL_SERVICE_NAME: _, ...rest } = all;
    const team = [['team', 'bees']];
    assert.deepEqual(named(7, all), ['till', 'OTEL_SERVICE_NAME', 'shop', team, true]);
    assert.deepEqual(named(8, rest), ['counter', 'OTEL_RESOURCE_ATTRIBUTES', 'shop', team, true]);
    assert.deepEqual(named(9, { DD_SERVICE: 'desk' }), ['desk', 'DD_SERVICE', undefined, [], true]);
    identities.fork({ pid: 10, startTime: 101, ppid: 7 });
    identities.exit({ pid: 10, startTime: 101 });
    assert.equal(identities.get(10)?.service.name, 'till', 'its child is the same program');
  });

  test('a process that has ended is called by its project as one that was seen, from where its parent is', (t) => {
    const { proc, identities } = memory(t);
    proc.put(3, 50, '/bin/sh');
    symlinkSync('/srv/buyer', join(proc.dir, '3/cwd'));
    const named = (pid: number, ppid: number, exe: string, ...argv: string[]) => {
      identities.exec({ pid, startTime: 100, ppid, exe, argv });
      identities.exit({ pid, startTime: 100 });
      return identities.get(pid)!.service.name;
    };
    assert.equal(named(7, 3, './main', './main', '-s'), 'buyer');
    assert.equal(named(8, 3, '/usr/bin/perl', 'perl', 'index.pl'), 'buyer');
    assert.equal(named(9, 3, '/usr/bin/perl', 'perl', 'till.pl'), 'till');
    // A parent that has ended, too, says nothing.
    assert.equal(named(10, 4, './main', './main'), 'main');
  });

  test('a process whose title stands where its environment was is called what its exec told', (t) => {
    const { proc, identities } = memory(t);
    const environment = new Map([['OTEL_SERVICE_NAME', 'till']]);
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/perl', environment });
    proc.put(7, 100, '/usr/bin/perl', { argv: ['desk master'] });
    assert.equal(identities.get(7)?.service.name, 'till');
    // Its workers have the same title and no exec of their own.
    identities.fork({ pid: 8, startTime: 101, ppid: 7 });
    proc.put(8, 101, '/usr/bin/perl', { argv: ['desk worker'] });
    assert.equal(identities.get(8)?.service.name, 'till');
    // What is there to be read is newer than what a shell was told before it.
    identities.exec({ pid: 9, startTime: 102, exe: '/usr/bin/perl', environment });
    proc.put(9, 102, '/usr/bin/perl', { environ: ['OTEL_SERVICE_NAME=counter'] });
    assert.equal(identities.get(9)?.service.name, 'counter');
  });

  test('a process that ends while it is looked at is called what its exec told', (t) => {
    const {
      proc,
      clock,
      host: { proc: dir },
    } = memory(t);
    class Ending extends Host {
      override procBytes(pid: number, name: string, most?: number): Buffer | undefined {
        // Its memory goes first, and with it all of these.
        if (name === 'environ')
          for (const file of ['environ', 'exe', 'cmdline']) rmSync(join(dir, `${pid}/${file}`));
        return super.procBytes(pid, name, most);
      }
    }
    const identities = new Identities({ host: new Ending({ proc: dir, root: dir }), clock: () => clock.now });
    proc.put(7, 100, '/usr/bin/perl', { environ: ['OTEL_SERVICE_NAME=till'] });
    const environment = new Map([['OTEL_SERVICE_NAME', 'till']]);
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/perl', environment });
    const { service, fromEvent } = identities.get(7)!;
    assert.deepEqual([service.name, fromEvent], ['till', true]);
  });

  test('a child is what its parent was when it was made', (t) => {
    const { clock, identities } = memory(t);
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/first' });
    clock.now += 10;
    identities.fork({ pid: 8, startTime: 101, ppid: 7 });
    identities.exit({ pid: 8 });
    clock.now += 10;
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/second' });
    assert.equal(identities.get(8)?.service.name, 'first');
  });

  test('each exec is a new identity, and each time finds its own', (t) => {
    const { proc, clock, identities } = memory(t);
    proc.put(7, 100, '/bin/sh');
    assert.equal(identities.get(7)?.service.name, 'sh');
    clock.now = 2_000;
    proc.put(7, 100, '/usr/bin/env');
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/env' });
    clock.now = 3_000;
    proc.put(7, 100, '/usr/bin/till');
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/till' });
    const at = (time?: number) => identities.get(7, { startTime: 100, time })?.service.name;
    assert.deepEqual([at(1_500), at(2_500), at(3_500), at()], ['sh', 'env', 'till', 'till']);
    assert.equal(new Set([1_500, 2_500, 3_500].map((time) => identities.get(7, { time })?.key)).size, 3);
  });

  test('a fork that was not looked at in time is as its parent', (t) => {
    const { proc, identities } = memory(t);
    proc.put(7, 100, '/usr/sbin/nginx');
    identities.get(7);
    identities.fork({ pid: 8, startTime: 120, ppid: 7 });
    identities.exit({ pid: 8, startTime: 120 });
    const child = identities.get(8)!;
    assert.deepEqual([child.service.name, child.process.pid, child.process.ppid], ['nginx', 8, 7]);
  });

  test('an exit that arrives late does not end the next process', (t) => {
    const { proc, identities } = memory(t);
    proc.put(7, 200, '/usr/bin/second');
    identities.exec({ pid: 7, startTime: 200, exe: '/usr/bin/second' });
    identities.exit({ pid: 7, startTime: 100 });
    assert.equal(identities.stats.ended, 0);
    identities.exit({ pid: 7, startTime: 200 });
    assert.equal(identities.stats.ended, 1);
  });

  test('an exec makes a pid known that was not there a moment ago', (t) => {
    const { proc, identities } = memory(t);
    assert.equal(identities.get(7), undefined);
    proc.put(7, 100, '/usr/bin/quick');
    identities.exec({ pid: 7, startTime: 100 });
    assert.equal(identities.get(7)?.service.name, 'quick');
  });

  test('what began just now is looked at once more: its runtime may not have been there', (t) => {
    const { proc, clock, identities } = memory(t);
    proc.put(7, 100, '/usr/bin/api', { argv: ['api'] });
    identities.exec({ pid: 7, startTime: 100, exe: '/usr/bin/api' });
    assert.equal(identities.get(7)?.runtime, undefined);
    writeFileSync(
      join(proc.dir, '7/maps'),
      '7f00-7f01 r--p 0 0:1 5 /usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.6/libcoreclr.so\n',
    );
    clock.now += 2_001;
    assert.deepEqual(identities.get(7)?.runtime, { language: 'dotnet', name: '.NET', version: '8.0.6' });
  });
});

suite('bounds', () => {
  test('the least recently used goes first', (t) => {
    const { proc, identities } = memory(t, { capacity: 3 });
    for (let pid = 1; pid <= 4; pid++) {
      proc.put(pid, 100, `/usr/bin/p${pid}`);
      identities.get(pid);
      identities.get(1);
    }
    assert.deepEqual(identities.stats, { size: 3, ended: 0, evicted: 1 });
    assert.deepEqual([...identities.running()].map((i) => i.process.pid).toSorted(), [1, 3, 4]);
    assert.equal(identities.get(2)?.service.name, 'p2', 'it is read anew when it is asked for');
  });

  test('a hundred thousand short processes leave no more than the cap', (t) => {
    const { identities } = memory(t, { capacity: 500 });
    for (let i = 0; i < 100_000; i++) {
      identities.exec({ pid: 100 + (i % 30_000), startTime: i, exe: '/usr/bin/true' });
      identities.exit({ pid: 100 + (i % 30_000), startTime: i });
    }
    assert.equal(identities.stats.size, 500);
  });

  test('a quiet service outlives any number of short processes around it', (t) => {
    const { proc, clock, identities } = memory(t, { capacity: 500, graceMs: 1_000 });
    proc.put(1, 100, '/usr/bin/quiet');
    const quiet = identities.get(1);
    for (let i = 0; i < 20_000; i++) {
      clock.now += 5;
      identities.exec({ pid: 100 + i, startTime: i, exe: '/usr/bin/true' });
      identities.exit({ pid: 100 + i, startTime: i });
    }
    proc.end(1);
    assert.equal(identities.get(1), quiet);
  });

  test('a process that execs without end keeps the last eight', (t) => {
    const { identities } = memory(t);
    for (let i = 0; i < 1000; i++) identities.exec({ pid: 9, startTime: 1, exe: `/usr/bin/p${i}` });
    assert.equal(identities.stats.size, 8);
  });

  test('a process that is a fault to make out goes by its own name, and all others by theirs', (t) => {
    const { proc } = memory(t);
    class Faulty extends Host {
      override openExe(pid: number): undefined {
        if (pid === 8) throw new RangeError('made to');
      }
    }
    const faults: unknown[] = [];
    const host = new Faulty({ proc: proc.dir, root: proc.dir });
    const identities = new Identities({ host, onFault: (pid, error) => faults.push([pid, String(error)]) });
    proc.put(7, 1, '/usr/sbin/nginx');
    proc.put(8, 1, '/usr/sbin/till');
    assert.deepEqual(
      [7, 8].map((pid) => identities.get(pid)?.service),
      [identities.get(7)?.service, { name: 'a) b)', rule: 'command' }],
    );
    assert.equal(identities.get(7)?.service.name, 'nginx');
    assert.deepEqual(faults, [[8, 'RangeError: made to']]);
    identities.exec({ pid: 9, startTime: 1, exe: '/usr/sbin/till' });
    assert.equal(identities.get(9)?.service.name, 'till', 'of one that has ended, no program is opened');
  });

  test('options that make no sense are refused', () => {
    assert.throws(
      () => new Identities({ capacity: 0 }),
      (e) => e instanceof IdentityError && e.code === 'SKEP_IDENTITY_OPTION',
    );
    const nowhere = new Identities({ host: new Host({ proc: '/nonexistent' }) });
    return assert.rejects(
      nowhere.scan(),
      (e) => e instanceof IdentityError && e.code === 'SKEP_PROC_UNAVAILABLE' && e.hint !== '',
    );
  });
});

test('the start time of the kernel is that of /proc', () => {
  assert.equal(ticksOfNanoseconds(12_345_678_901n), 1234);
  assert.equal(ticksOfNanoseconds(9_999_999), 0);
});

test('a thousand processes are looked at in less than a second of CPU', async (t) => {
  await started(t, [
    '/bin/sh',
    '-c',
    'i=0; while [ $i -lt 1000 ]; do sleep 1000 & i=$((i+1)); done; echo ready; wait',
  ]);
  // Of three, each from nothing: what else runs on this machine can only add.
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    const count = await new Identities().scan();
    const { user, system } = process.cpuUsage(before);
    assert.ok(count >= 1000);
    costs.push(Math.round((user + system) / count));
  }
  t.diagnostic(`${costs.join(', ')} us of CPU a process`);
  assert.ok(Math.min(...costs) < 1000, `${costs.join(', ')} us a process`);
});
