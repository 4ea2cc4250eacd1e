// What a command line is called: programs, their arguments, and the titles that they write over them.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { suite, test } from 'node:test';
import { interpreterOf } from '../src/language/programs.ts';
import { commandName } from '../src/name/command.ts';
import { ownerOfPod } from '../src/name/owner.ts';
import { unitName } from '../src/name/service.ts';

interface Given {
  exe: string;
  args?: string;
  /** What the program wrote over its command line. */
  title?: string;
  cwd?: string;
  files?: Record<string, string>;
  env?: Record<string, string>;
}

function named({ exe, args = '', title, cwd, files = {}, env = {} }: Given): string {
  const language = interpreterOf(basename(exe));
  return commandName({
    exe,
    argv: title === undefined ? [basename(exe), ...args.split(' ').filter((a) => a !== '')] : [title],
    comm: basename(exe),
    runtime: language === undefined ? undefined : { language },
    environment: new Map(Object.entries(env)),
    cwd: () => cwd,
    readText: (path) => files[path],
  });
}

const node = '/usr/bin/node';
const python = '/usr/bin/python3.11';
const java = '/usr/lib/jvm/java-17-openjdk-amd64/bin/java';

const table: Record<string, [Given, string][]> = {
  node: [
    [{ exe: node, args: 'worker.js' }, 'worker'],
    [{ exe: node, args: 'server.js' }, 'server'],
    [{ exe: node, args: 'server.js', cwd: '/srv/shop' }, 'shop'],
    [
      {
        exe: node,
        args: 'dist/index.js',
        cwd: '/app',
        files: { '/app/package.json': '{"name":"@acme/cart"}' },
      },
      'cart',
    ],
    [{ exe: node, args: 'index.js', cwd: '/usr/src/app' }, 'index'],
    [{ exe: node, args: '--require ./t.js --max-old-space-size=512 /srv/mail/main.mjs' }, 'mail'],
    [{ exe: node, args: '-r dotenv/config --import x orders.js 8080' }, 'orders'],
    [{ exe: node, args: '--title=tick clock.js' }, 'tick'],
    [
      {
        exe: node,
        args: '/srv/web/node_modules/.bin/next start',
        files: { '/srv/web/package.json': '{"version":"1","name":"front"}' },
      },
      'front',
    ],
    [{ exe: node, args: '/usr/lib/node_modules/pm2/lib/Daemon.js' }, 'pm2'],
    [{ exe: node, args: '/srv/a/node_modules/.bin/tsx watch jobs.ts' }, 'jobs'],
    [{ exe: node, args: 'node_modules/.bin/ts-node --project t.json', cwd: '/srv/bills' }, 'bills'],
    [{ exe: node, args: '.', cwd: '/srv/shop' }, 'shop'],
    [
      { exe: node, args: '..', cwd: '/srv/shop/bin', files: { '/srv/shop/package.json': '{"name":"cart"}' } },
      'cart',
    ],
    [{ exe: node, args: '.' }, 'node'],
    [{ exe: node, args: '/root/.npm/_npx/5f7878ce38f1eb13/node_modules/.bin/http-server' }, 'http-server'],
    [{ exe: node, args: '/root/.nvm/versions/node/v20.1.0/lib/node_modules/serve/main.js' }, 'serve'],
    [{ exe: node, args: '/home/ann/.config/yarn/global/node_modules/.bin/serve' }, 'serve'],
    [
      { exe: node, args: '/app/node_modules/.pnpm/next@14.2.1/node_modules/next/dist/bin/next start' },
      'next',
    ],
    [{ exe: node, args: '/srv/shop/.next/standalone/server.js' }, 'shop'],
    [{ exe: node, args: '/opt/v20.1.0/server.js' }, 'server'],
    [{ exe: '/usr/bin/bun', args: '.', cwd: '/srv/shop' }, 'shop'],
    [{ exe: node, args: '-e setInterval' }, 'node'],
    [{ exe: node }, 'node'],
    [{ exe: node, args: '- 8080' }, 'node'],
    [{ exe: node, args: '--max-http-header-size 32768 orders.js' }, 'orders'],
    [{ exe: node, args: '/tmp/tmp.0aBcDeFgHi/server.js' }, 'server'],
    [
      {
        exe: node,
        title: 'next-server (v15.1.0)',
        cwd: '/srv/web',
        files: { '/srv/web/package.json': '{"name":"front"}' },
      },
      'front',
    ],
    [{ exe: node, title: 'next-server (v15.1.0)' }, 'next-server'],
    [{ exe: node, title: 'node /srv/shop/server.js' }, 'shop'],
    [{ exe: node, title: 'node /srv/shop/orders.js' }, 'orders'],
    [{ exe: node, title: '/srv/shop/orders.js --idle' }, 'orders'],
    [{ exe: node, title: 'PM2 v5.3.0: God Daemon (/root/.pm2)' }, 'pm2'],
    [{ exe: node, title: 'till' }, 'till'],
    [{ exe: node, title: 'till worker 3' }, 'till'],
    [{ exe: node, title: '/usr/bin/node' }, 'node'],
    [{ exe: '/usr/bin/deno', args: 'run --allow-net chat.ts' }, 'chat'],
    [{ exe: '/usr/bin/bun', args: 'run ledger.ts' }, 'ledger'],
    [{ exe: '/srv/cgi-bin/orders.cgi' }, 'orders'],
    [{ exe: '/app/node_modules/bun/bin/bun.exe', args: 'run ledger.ts' }, 'ledger'],
    [{ exe: '/opt/pkg/kiosk', args: 'x.js' }, 'kiosk'],
  ],
  python: [
    [{ exe: python, args: '-m foo.bar' }, 'foo.bar'],
    [{ exe: python, args: '-u -X dev -m http.server 80' }, 'http.server'],
    [{ exe: python, args: '-um http.server 80' }, 'http.server'],
    [{ exe: python, args: '.', cwd: '/srv/lager' }, 'lager'],
    [{ exe: python, args: '/usr/bin/gunicorn -c gunicorn.conf.py', cwd: '/srv/lager' }, 'lager'],
    [{ exe: python, args: '/usr/bin/gunicorn -c gunicorn.conf.py' }, 'gunicorn'],
    [{ exe: python, args: '-m aiohttp.web -H localhost -P 80 prices:init' }, 'prices'],
    [{ exe: '/usr/bin/uwsgi', args: '--http :80 --wsgi-file prices.py' }, 'prices'],
    [{ exe: '/usr/bin/uwsgi-core', args: '--ini /etc/uwsgi/apps-enabled/prices.ini' }, 'prices'],
    [{ exe: '/usr/bin/uwsgi', args: '--http-socket :80 -w shop.wsgi:application' }, 'shop'],
    [{ exe: python, args: 'collect.py' }, 'collect'],
    [{ exe: python, args: 'app.py', cwd: '/srv/lager' }, 'lager'],
    [{ exe: python, args: '/usr/bin/gunicorn -w 4 -b 0.0.0.0:80 shop.wsgi:application' }, 'shop'],
    [{ exe: python, args: '/usr/bin/gunicorn app:api', cwd: '/srv/lager' }, 'lager'],
    [{ exe: python, args: '/usr/bin/gunicorn app:api', cwd: '/app' }, 'app'],
    [{ exe: python, args: '/usr/bin/gunicorn --name kasse app:api' }, 'kasse'],
    [{ exe: python, args: '/usr/bin/cheroot --bind 0.0.0.0:80 shop.wsgi:application' }, 'shop'],
    [{ exe: python, args: '/usr/bin/fastwsgi --port 80 shop:app' }, 'shop'],
    [{ exe: python, args: '/usr/local/bin/uvicorn --host 0.0.0.0 prices.main:app' }, 'prices'],
    [{ exe: python, args: '-m uvicorn prices:app' }, 'prices'],
    [{ exe: python, args: '/usr/bin/opentelemetry-instrument python3 till.py' }, 'till'],
    [{ exe: python, args: '/usr/bin/ddtrace-run gunicorn shop.wsgi' }, 'shop'],
    [{ exe: python, args: '/usr/bin/celery -A billing worker' }, 'billing'],
    [{ exe: python, args: '/usr/bin/flask --app hello run' }, 'hello'],
    [{ exe: python, args: 'manage.py runserver', cwd: '/srv/portal' }, 'portal'],
    [
      {
        exe: python,
        args: './manage.py runserver',
        cwd: '/home/ann/site',
        files: {
          '/home/ann/site/manage.py': `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")`,
        },
      },
      'portal',
    ],
    [
      {
        exe: python,
        args: 'manage.py runserver',
        cwd: '/srv/portal',
        env: { DJANGO_SETTINGS_MODULE: 'config.settings' },
      },
      'portal',
    ],
    [{ exe: python, args: '/usr/bin/gunicorn config.wsgi', cwd: '/srv/portal' }, 'portal'],
    [
      { exe: python, args: 'manage.py runserver', env: { DJANGO_SETTINGS_MODULE: 'portal.settings' } },
      'portal',
    ],
    [{ exe: python, args: '/usr/bin/sanic prices.server:app' }, 'prices'],
    [{ exe: python, args: '/usr/bin/fastapi dev api/orders.py --port 80' }, 'api.orders'],
    [{ exe: python, args: '-m robyn app.py', cwd: '/srv/lager' }, 'lager'],
    [{ exe: python, args: '/usr/bin/litestar --app prices.main:app run' }, 'prices'],
    [{ exe: python, args: '-c pass' }, 'python3.11'],
    [{ exe: python, args: '- 8080' }, 'python3.11'],
    [{ exe: python, args: 'app.py', cwd: '/tmp/tmp8h_x2k1q' }, 'app'],
    [{ exe: python, title: 'till worker' }, 'till'],
    [{ exe: python, title: 'python3' }, 'python3.11'],
    [
      {
        exe: python,
        args: '/srv/x/main.py',
        files: { '/srv/x/pyproject.toml': '[project]\nname = "stock"\n' },
      },
      'stock',
    ],
  ],
  java: [
    [{ exe: java, args: '-Xmx1g -jar /srv/app.jar' }, 'app'],
    [{ exe: java, args: '-jar shop-service-1.4.2-SNAPSHOT.jar --server.port=80' }, 'shop-service'],
    [{ exe: java, args: '-cp a:b -Dx=y com.acme.OrderService 8080' }, 'OrderService'],
    [{ exe: java, args: '-classpath a com.acme.orders.Main' }, 'orders'],
    [{ exe: java, args: '-cp a kafka.Kafka server.properties' }, 'kafka'],
    [{ exe: java, args: '-cp a org.apache.catalina.startup.Bootstrap start' }, 'tomcat'],
    [{ exe: java, args: '--add-opens java.base/java.lang=ALL-UNNAMED -m acme.shop/com.acme.Till' }, 'Till'],
    [{ exe: java, args: '-jar x.jar --spring.application.name=prices' }, 'prices'],
    [{ exe: java, args: 'org.springframework.boot.loader.launch.JarLauncher', cwd: '/srv/prices' }, 'prices'],
    [{ exe: java, args: '-jar target/app.jar', cwd: '/srv/shop' }, 'shop'],
    [{ exe: java, args: '-jar /srv/shop/target/quarkus-app/quarkus-run.jar' }, 'shop'],
    [{ exe: java, args: '-cp a com.acme.orders.MainKt' }, 'orders'],
    [{ exe: java, args: '-cp a io.vertx.core.Launcher run com.acme.Shop' }, 'Shop'],
    [{ exe: java, args: '-cp a io.ktor.server.netty.EngineMain', cwd: '/srv/prices' }, 'prices'],
    [{ exe: java, args: '-Xmx1g' }, 'java'],
  ],
  others: [
    [{ exe: '/usr/bin/ruby3.1', args: 'mail.rb' }, 'mail'],
    [{ exe: '/usr/bin/ruby3.1', title: 'till worker' }, 'till'],
    [{ exe: '/usr/bin/ruby3.1', args: '/usr/bin/bundle exec puma -p 3000', cwd: '/srv/wiki' }, 'wiki'],
    [{ exe: '/usr/bin/ruby3.1', args: 'bin/rails server', cwd: '/srv/wiki' }, 'wiki'],
    [{ exe: '/usr/bin/ruby3.1', args: '/usr/bin/iodine -p 80', cwd: '/srv/wiki' }, 'wiki'],
    [{ exe: '/usr/bin/ruby3.1', args: '/usr/bin/pitchfork', cwd: '/srv/wiki' }, 'wiki'],
    [{ exe: '/usr/bin/php8.2', args: 'artisan queue:work', cwd: '/srv/blog' }, 'blog'],
    [{ exe: '/usr/bin/php8.2', args: '-S 0.0.0.0:80 -t public', cwd: '/srv/blog' }, 'blog'],
    [{ exe: '/usr/bin/php8.2', args: '-d x=y import.php' }, 'import'],
    [{ exe: '/usr/sbin/php-fpm8.2', args: '--nodaemonize' }, 'php-fpm'],
    [{ exe: '/usr/bin/dotnet', args: 'Shop.Api.dll --urls x' }, 'Shop.Api'],
    [{ exe: '/usr/bin/dotnet', args: 'exec --depsfile d /srv/Shop.Jobs.dll' }, 'Shop.Jobs'],
    [{ exe: '/usr/lib/erlang/erts-13/bin/beam.smp', args: '-W w -sname rabbit@host' }, 'rabbit'],
    [{ exe: '/usr/bin/perl', args: '-w /usr/share/x/spool.pl' }, 'spool'],
    [{ exe: '/usr/bin/perl', args: '/usr/bin/plackup -p 80 prices.psgi' }, 'prices'],
    [{ exe: '/usr/bin/perl', args: '/usr/bin/starman --port 80 app.psgi', cwd: '/srv/shop' }, 'shop'],
    [{ exe: '/usr/bin/perl', args: '/usr/bin/hypnotoad script/shop' }, 'shop'],
    [{ exe: '/usr/bin/perl', title: '/usr/bin/twiggy', cwd: '/srv/shop' }, 'shop'],
    [{ exe: '/usr/bin/perl', title: '/usr/sbin/spool --idle' }, 'spool'],
    [{ exe: '/usr/bin/perl', title: 'till' }, 'till'],
    [
      { exe: '/usr/lib/erlang/bin/beam.smp', args: '-- -extra --erl mix phx.server', cwd: '/srv/chat' },
      'chat',
    ],
    [{ exe: '/opt/chat/erts-13/bin/beam.smp', args: '-boot /opt/chat/releases/0.1.0/start' }, 'chat'],
    [{ exe: '/usr/lib/erlang/erts-13/bin/beam.smp', args: '-- -root /x -- -noshell -run yaws' }, 'yaws'],
    [{ exe: '/usr/lib/erlang/erts-13/bin/beam.smp', args: '-s inets -s till start -extra -s no' }, 'till'],
    [{ exe: '/usr/lib/erlang/erts-13/bin/beam.smp', args: '-s elixir start_cli -extra -e x' }, 'beam.smp'],
    [{ exe: '/usr/lib/erlang/erts-13/bin/beam.smp', args: '-s elixir start_cli -extra web.exs -s x' }, 'web'],
    [{ exe: '/srv/shop/target/release/server' }, 'shop'],
    [{ exe: '/usr/local/bin/server' }, 'server'],
    [{ exe: '/bin/bash', args: '/opt/sync/run.sh' }, 'sync'],
    [{ exe: '/bin/bash', args: '-c sleep' }, 'bash'],
    [{ exe: '/bin/bash', args: '/dev/fd/3' }, 'bash'],
    [{ exe: '/usr/bin/redis-server', args: '*:6379' }, 'redis-server'],
    [{ exe: '/bin/busybox', args: 'httpd -f' }, 'httpd'],
    [{ exe: '/lib64/ld-linux-x86-64.so.2', args: '--library-path /opt/lib /opt/till -v' }, 'till'],
    [{ exe: '/usr/bin/qemu-aarch64-static', args: '-L /sysroot /opt/till' }, 'till'],
    [{ exe: '/memfd:sealed', args: '' }, 'memfd:sealed'],
  ],
};

for (const [name, rows] of Object.entries(table)) {
  suite(name, () => {
    for (const [given, expected] of rows) {
      const where = given.cwd === undefined ? '' : ` in ${given.cwd}`;
      test(`${basename(given.exe)} ${given.title ?? given.args ?? ''}${where} is ${expected}`, () => {
        assert.equal(named(given), expected);
      });
    }
  });
}

suite('titles', () => {
  for (const [title, expected] of [
    ['nginx: master process /usr/sbin/nginx -g daemon off;', 'nginx'],
    ['php-fpm: pool shop', 'shop'],
    ['php-fpm: pool www', 'php-fpm'],
    ['php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)', 'php-fpm'],
    ['postgres: 15/main: checkpointer', 'postgres'],
    ['puma 6.4.0 (tcp://0.0.0.0:3000) [wiki]', 'wiki'],
    ['puma: cluster worker 0: 12 [wiki]', 'wiki'],
    ['sidekiq 7.1.0 wiki [0 of 10 busy]', 'wiki'],
    ['gunicorn: master [shop.wsgi:application]', 'shop'],
    // As it is called without setproctitle.
    ['gunicorn: worker [app:app]', 'wiki'],
    ['unicorn worker[0] -c unicorn.rb', 'wiki'],
    ['pitchfork (gen:0) worker[0] - waiting', 'wiki'],
    ['puma 6.4.0 (tcp://0.0.0.0:3000) [20261127093000]', 'wiki'],
    ['sidekiq 7.1.0 current [0 of 10 busy]', 'wiki'],
    ['starman worker --port 80 app.psgi', 'wiki'],
    ['starman master --port 80 shop.psgi', 'shop'],
    ['npm start', 'npm'],
  ] as const) {
    test(`${title} is ${expected}`, () => {
      const context = {
        exe: '/usr/bin/x',
        comm: 'x',
        environment: new Map(),
        cwd: () => '/srv/wiki',
        readText: () => undefined,
      };
      assert.equal(commandName({ ...context, argv: [title] }), expected);
    });
  }
});

test('a pod is called by what made it', () => {
  for (const [pod, owner] of [
    ['web-7d9f8b6c5d-x2x7p', 'web'],
    ['checkout-api-5c6bd7f9f4-zk8qv', 'checkout-api'],
    ['fluentd-g6zxk', 'fluentd'],
    ['db-0', 'db'],
    ['cleanup-28391040-bq7rz', 'cleanup'],
    ['etcd-control-plane', 'etcd-control-plane'],
    ['lonely', 'lonely'],
  ] as const) {
    assert.equal(ownerOfPod(pod), owner);
  }
});

test('a unit is a name, unless it starts what others wrote', () => {
  const service = (name: string) => unitName({ name, kind: 'service' });
  assert.equal(service('nginx.service'), 'nginx');
  assert.equal(service('docker-registry.service'), 'docker-registry');
  assert.equal(service('postgresql@15-main.service'), 'postgresql@15-main');
  assert.equal(service('my\\x2dapp.service'), 'my-app');
  for (const name of [
    'user@1000.service',
    'cron.service',
    'ssh.service',
    'sshd@1-2.service',
    'docker.service',
    'run-u12.service',
    'supervisor.service',
  ]) {
    assert.equal(service(name), undefined, name);
  }
  assert.equal(unitName({ name: 'session-3.scope', kind: 'scope' }), undefined);
  // What systemd and desktops make up looks like this, and is less than all that begins so.
  assert.equal(service('app-backend.service'), 'app-backend');
  assert.equal(service('run-shop.service'), 'run-shop');
  assert.equal(service('session-store.service'), 'session-store');
  assert.equal(service('run-p812-i1812.service'), undefined);
  assert.equal(service('run-r0123456789abcdef0123456789abcdef.service'), undefined);
  assert.equal(unitName({ name: 'app-gnome-calls@1.service', kind: 'service', user: 1000 }), undefined);
  // A name is one line, whatever was escaped in it.
  assert.equal(service('red\\x1b\\x0ashop.service'), 'red shop');
});

test('what go run has built is called by where it was started', () => {
  const context = {
    exe: '/tmp/go-build1826/b001/exe/main',
    argv: ['/tmp/go-build1826/b001/exe/main'],
    comm: 'main',
    environment: new Map(),
    readText: () => undefined,
    runtime: {
      language: 'go' as const,
      go: { version: 'go1.26.8', path: 'command-line-arguments', modules: 0, dependencies: new Map() },
    },
  };
  assert.equal(commandName({ ...context, cwd: () => '/root/shop' }), 'shop');
  assert.equal(commandName({ ...context, cwd: () => undefined }), 'main');
});
