// Real programs of every language at hand, started here and recognised.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Identities, type Identity, readProcess } from '../src/index.ts';
import { folder, missing, started } from './support/started.ts';

function who(pid: number): Identity {
  const identity = new Identities().get(pid);
  assert.ok(identity, `process ${pid} is not found`);
  return identity;
}

const WAIT_JS = 'console.log("ready"); setInterval(() => {}, 1e9);';
const WAIT_PY = 'import time\nprint("ready", flush=True)\ntime.sleep(1e6)\n';

suite('a process', () => {
  test('is read as /proc has it', async (t) => {
    const dir = folder(t, { 'x.js': WAIT_JS });
    const { pid } = await started(t, [process.execPath, 'x.js', 'ein Wort', ''], { cwd: dir });
    const { host } = new Identities();
    const p = readProcess(host, pid)!;
    assert.equal(p.pid, pid);
    assert.equal(p.ppid, process.pid);
    assert.equal(p.exe, readlinkSync(`/proc/${pid}/exe`));
    assert.deepEqual(p.argv.slice(1), ['x.js', 'ein Wort']);
    assert.equal(p.uid, process.getuid!());
    assert.equal(p.kernelThread, false);
    assert.equal(p.innerPid, pid);
    assert.ok(p.threads > 1);
    for (const name of ['net', 'pid', 'mnt'] as const) {
      assert.equal(p.namespaces[name], Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${name}`))![0]));
    }
    // Ticks since boot: not before we were, not after now.
    const uptime = Number(execFileSync('cut', ['-d ', '-f1', '/proc/uptime'], { encoding: 'utf8' }));
    assert.ok(p.startTime >= readProcess(host, process.pid)!.startTime && p.startTime <= uptime * 100 + 1);
    if (host.cgroup2 !== undefined && p.cgroups.v2 !== undefined) {
      assert.equal(p.cgroupId, statSync(host.cgroup2 + p.cgroups.v2, { bigint: true }).ino);
    }
  });

  test('whose program was deleted still has a path, and says so', async (t) => {
    const dir = folder(t);
    const program = join(dir, 'mailer');
    copyFileSync('/bin/cat', program);
    chmodSync(program, 0o755);
    const { pid } = await started(t, ['/bin/sh', '-c', `echo ready; exec ${program}`]);
    const { host } = new Identities();
    while (readProcess(host, pid)?.exe !== program) await new Promise((r) => setImmediate(r));
    rmSync(program);
    const identity = who(pid);
    assert.equal(identity.process.exe, program);
    assert.equal(identity.process.exeDeleted, true);
    assert.equal(identity.service.name, 'mailer');
    assert.equal(identity.runtime?.language, 'c', 'read through /proc/PID/exe although the file is gone');
  });

  test('of the kernel has no program', () => {
    const { host } = new Identities();
    const kthreadd = readProcess(host, 2);
    if (kthreadd?.comm !== 'kthreadd') return; // a pid namespace of our own: there are none
    assert.equal(kthreadd.kernelThread, true);
    assert.equal(kthreadd.exe, undefined);
    assert.equal(who(2).service.name, 'kthreadd');
  });

  test('that is not there is undefined', () => {
    assert.equal(new Identities().get(2 ** 30), undefined);
  });
});

suite('Node', () => {
  test('is its script, with its version from the file of the program', async (t) => {
    const dir = folder(t, { 'worker.js': WAIT_JS });
    const identity = who((await started(t, [process.execPath, '--no-warnings', join(dir, 'worker.js')])).pid);
    assert.equal(identity.service.name, 'worker');
    assert.equal(identity.service.rule, 'command');
    assert.deepEqual(identity.runtime, {
      language: 'nodejs',
      name: 'nodejs',
      version: process.versions.node,
    });
  });

  test('with a script called server is its package', async (t) => {
    const dir = folder(t, { 'package.json': '{ "name": "@acme/shop" }', 'dist/server.js': WAIT_JS });
    assert.equal(
      who((await started(t, [process.execPath, 'dist/server.js'], { cwd: dir })).pid).service.name,
      'shop',
    );
  });

  test('with a script called server and no package is its folder, else the script', async (t) => {
    const dir = folder(t, { 'shop/server.js': WAIT_JS });
    assert.equal(
      who((await started(t, [process.execPath, 'server.js'], { cwd: join(dir, 'shop') })).pid).service.name,
      'shop',
    );
  });

  test('with OTEL_SERVICE_NAME is that', async (t) => {
    const dir = folder(t, { 'a.js': WAIT_JS });
    const env = {
      OTEL_SERVICE_NAME: 'kasse',
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2%2C3,service.namespace=laden,team=x',
    };
    const identity = who((await started(t, [process.execPath, join(dir, 'a.js')], { env })).pid);
    assert.deepEqual(identity.service, {
      name: 'kasse',
      rule: 'OTEL_SERVICE_NAME',
      namespace: 'laden',
      version: '1.2,3',
    });
    assert.deepEqual([...identity.declared], [['team', 'x']]);
  });

  test('that pm2 or supervisord runs is called as they were told to call it', async (t) => {
    const dir = folder(t, { 'a.js': WAIT_JS });
    const supervised = (group: string, process: string) => ({
      SUPERVISOR_ENABLED: '1',
      SUPERVISOR_GROUP_NAME: group,
      SUPERVISOR_PROCESS_NAME: process,
    });
    for (const [env, name] of [
      [{ name: 'orders', pm_id: '0' }, 'orders'],
      [{ pm2_env: '{"name":"carts","env":{"TOKEN":"secret"}}' }, 'carts'],
      [supervised('till', 'till'), 'till'],
      [supervised('till', 'till_03'), 'till'],
      [supervised('shop', 'till'), 'till'],
      // A variable called `name` is anybody's.
      [{ name: 'orders' }, 'a'],
    ] as const) {
      const identity = who((await started(t, [process.execPath, join(dir, 'a.js')], { env })).pid);
      const rule = name === 'a' ? 'command' : 'process-manager';
      assert.deepEqual([identity.service.name, identity.service.rule], [name, rule]);
    }
  });

  test('with an OpenTelemetry SDK required before is seen to have it', async (t) => {
    const dir = folder(t, {
      'a.js': WAIT_JS,
      'node_modules/@opentelemetry/auto-instrumentations-node/register.js': '',
    });
    const env = { NODE_OPTIONS: '--require @opentelemetry/auto-instrumentations-node/register' };
    const identity = who((await started(t, [process.execPath, 'a.js'], { env, cwd: dir })).pid);
    assert.deepEqual(identity.sdks, [
      {
        name: 'opentelemetry',
        sign: 'environment',
        detail: 'NODE_OPTIONS',
        evidence: 'configured',
        off: false,
      },
    ]);
  });
});

suite('Python', { skip: missing('python3') }, () => {
  const version = () =>
    execFileSync('python3', ['-c', 'import platform; print(platform.python_version())'], {
      encoding: 'utf8',
    }).trim();

  test("a worker that Python's multiprocessing started is called what started it", async (t) => {
    const dir = folder(t, {
      'orders.py': `import multiprocessing as m, os, time
def work():
    print(os.getpid(), flush=True)
    time.sleep(1e6)
if __name__ == '__main__':
    m.set_start_method('spawn')
    m.Process(target=work).start()
    time.sleep(1e6)
`,
    });
    const { pid, said } = await started(t, ['python3', 'orders.py'], { cwd: dir });
    assert.notEqual(Number(said), pid);
    assert.equal(who(Number(said)).service.name, 'orders');
  });

  test('is its module', async (t) => {
    const dir = folder(t, { 'shop/__init__.py': '', 'shop/orders.py': WAIT_PY });
    const identity = who((await started(t, ['python3', '-u', '-m', 'shop.orders'], { cwd: dir })).pid);
    assert.equal(identity.service.name, 'shop.orders');
    assert.deepEqual(identity.runtime, { language: 'python', name: 'cpython', version: version() });
  });

  test('with a script called app is its project', async (t) => {
    const dir = folder(t, {
      'pyproject.toml': '[build-system]\nrequires = []\n[project]\nname = "lager"\n',
      'src/app.py': WAIT_PY,
    });
    assert.equal(who((await started(t, ['python3', 'src/app.py'], { cwd: dir })).pid).service.name, 'lager');
  });
});

suite('Go', { skip: missing('go') }, () => {
  const files = {
    'go.mod': 'module example.com/acme/shop\n\ngo 1.16\n',
    'cmd/server/main.go':
      'package main\nimport ("fmt"; "time")\nfunc main() { fmt.Println("ready"); time.Sleep(time.Hour) }\n',
  };
  const build = (dir: string, flags: string[], env: Record<string, string> = {}) =>
    execFileSync('go', ['build', '-o', 'server', ...flags, './cmd/server'], {
      cwd: dir,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', ...env },
      stdio: 'pipe',
    });

  for (const [how, flags] of [
    ['as it is built', []],
    ['stripped', ['-ldflags=-s -w']],
  ] as [string, string[]][]) {
    test(`${how} is its module, with version and path from .go.buildinfo`, async (t) => {
      const dir = folder(t, files);
      build(dir, flags);
      const identity = who((await started(t, [join(dir, 'server')])).pid);
      assert.equal(identity.service.name, 'shop', '"server" says nothing, the module does');
      assert.equal(identity.runtime?.language, 'go');
      assert.equal(
        identity.runtime?.version,
        execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim(),
      );
      assert.deepEqual(identity.runtime?.go?.module?.path, 'example.com/acme/shop');
      assert.deepEqual(identity.runtime?.go?.path, 'example.com/acme/shop/cmd/server');
    });
  }

  test('before 1.18, where pointers lead to the build information', async (t) => {
    const dir = folder(t, files);
    try {
      build(dir, ['-ldflags=-s -w', '-buildmode=pie'], { GOTOOLCHAIN: 'go1.17.13' });
    } catch (e) {
      t.skip(`Go 1.17 cannot be fetched here: ${String(e).split('\n')[1]}`);
      return;
    }
    const { runtime } = who((await started(t, [join(dir, 'server')])).pid);
    assert.equal(runtime?.version, 'go1.17.13');
    assert.equal(runtime?.go?.path, 'example.com/acme/shop/cmd/server');
  });
});

suite('Java', { skip: missing('javac') }, () => {
  test('is its class, with the version of its home', async (t) => {
    const dir = folder(t, {
      'com/acme/shop/Main.java':
        'package com.acme.shop; public class Main { public static void main(String[] a) throws Exception { System.out.println("ready"); Thread.sleep(1000000); } }',
    });
    execFileSync('javac', [join(dir, 'com/acme/shop/Main.java')], { stdio: 'pipe' });
    const command = ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', dir, 'com.acme.shop.Main'];
    const identity = who((await started(t, command)).pid);
    assert.equal(identity.service.name, 'shop', 'Main says nothing, its package does');
    assert.equal(identity.runtime?.language, 'java');
    const { stderr } = spawnSync('java', ['-XshowSettings:properties', '-version'], { encoding: 'utf8' });
    assert.equal(identity.runtime?.version, /java\.runtime\.version = (\S+)/.exec(stderr)?.[1]);
  });
});

suite('Ruby', { skip: missing('ruby') }, () => {
  test('is its script', async (t) => {
    const dir = folder(t, { 'invoices.rb': '$stdout.sync = true; puts "ready"; sleep' });
    const identity = who((await started(t, ['ruby', join(dir, 'invoices.rb')])).pid);
    const version = execFileSync('ruby', ['-e', 'print RUBY_VERSION'], { encoding: 'utf8' });
    assert.equal(identity.service.name, 'invoices');
    assert.deepEqual(identity.runtime, { language: 'ruby', name: 'ruby', version });
  });
});

suite('PHP', { skip: missing('php') }, () => {
  test('is its script', async (t) => {
    const dir = folder(t, { 'queue.php': '<?php echo "ready\n"; sleep(100000);' });
    const identity = who((await started(t, ['php', join(dir, 'queue.php')])).pid);
    const version = execFileSync('php', ['-r', 'echo PHP_VERSION;'], { encoding: 'utf8' });
    assert.equal(identity.service.name, 'queue');
    assert.deepEqual(identity.runtime, { language: 'php', name: 'php', version });
  });
});

suite('Rust', { skip: missing('rustc') }, () => {
  test('signs its programs', async (t) => {
    const dir = folder(t, {
      'm.rs': 'fn main() { println!("ready"); std::thread::sleep(std::time::Duration::from_secs(9999)); }',
    });
    execFileSync('rustc', ['-o', join(dir, 'meter'), join(dir, 'm.rs')], { stdio: 'pipe' });
    const identity = who((await started(t, [join(dir, 'meter')])).pid);
    const version = execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1];
    assert.deepEqual([identity.runtime?.language, identity.runtime?.version], ['rust', version]);
    // By what their authors say, not by a library of theirs.
    copyFileSync(join(dir, 'meter'), join(dir, 'envoy'));
    const mixed = who((await started(t, [join(dir, 'envoy')])).pid);
    assert.deepEqual(mixed.runtime, { language: 'cpp' });
    assert.equal(identity.service.name, 'meter');
  });
});

suite('C++', { skip: missing('g++') }, () => {
  test('is known by its library, unless it is but a part of the program', async (t) => {
    const source =
      '#include <iostream>\n#include <unistd.h>\nint main() { std::cout << "ready" << std::endl; pause(); }';
    const dir = folder(t, { 'm.cc': source });
    execFileSync('g++', ['-o', join(dir, 'meter'), join(dir, 'm.cc')], { stdio: 'pipe' });
    copyFileSync(join(dir, 'meter'), join(dir, 'h2o'));
    for (const [name, language] of [
      ['meter', 'cpp'],
      ['h2o', 'c'],
    ] as const)
      assert.deepEqual(who((await started(t, [join(dir, name)])).pid).runtime, { language });
  });
});

suite('others', () => {
  test('a program that writes a title', async (t) => {
    const command = ['perl', '-e', '$|=1; $0 = "nginx: worker process"; print "ready\n"; sleep 100000'];
    const identity = who((await started(t, command)).pid);
    assert.deepEqual(identity.process.argv, ['nginx: worker process']);
    assert.equal(identity.service.name, 'nginx');
    assert.equal(identity.runtime?.language, 'perl');
  });

  test('a shell script', async (t) => {
    const dir = folder(t, { 'backup.sh': 'echo ready; read line' });
    const identity = who((await started(t, ['/bin/sh', join(dir, 'backup.sh')])).pid);
    assert.deepEqual([identity.service.name, identity.runtime?.language], ['backup', 'shell']);
  });

  test('one of busybox', { skip: missing('busybox') }, async (t) => {
    const { pid } = await started(t, ['/bin/sh', '-c', 'echo ready; exec busybox cat']);
    const { host } = new Identities();
    while (readProcess(host, pid)?.argv[0] !== 'busybox') await new Promise((r) => setImmediate(r));
    assert.equal(who(pid).service.name, 'cat');
  });
});
