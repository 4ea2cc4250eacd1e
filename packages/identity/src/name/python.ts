import { basename } from 'node:path';
import {
  absolute,
  type CommandContext,
  firstOperand,
  isBland,
  isPlace,
  projectName,
  stem,
} from './context.ts';
import { ownTitle } from './titles.ts';

const withValue = new Set(['-W', '-X', '-c', '--check-hash-based-pycs']);
/** Servers that import the application they are told: MODULE:OBJECT. */
const servers =
  /^(?:gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|uwsgi|fastapi|sanic|litestar|robyn|streamlit|cheroot|fastwsgi|socketify|aiohttp\.web)$/;
const serverOptions = new Set(
  `-b --bind -w --workers -k --worker-class -c --config --chdir -n --name -t --timeout --threads --host --port --uds
  --fd --log-level --log-config --env-file --root-path --app-dir --access-logfile --error-logfile --log-file -u --user
  -g --group --pythonpath -m --umask --pid -p --loop --http --ws --ssl-keyfile --ssl-certfile -e --env --interface
  --worker-connections --max-requests --max-requests-jitter --graceful-timeout --keep-alive --backlog -H -A --app
  --settings --wsgi-file --module --log-format --limit-concurrency --http-socket --socket --processes --master
  --statsd-host --statsd-prefix --access-logformat --reload-dir`.split(/\s+/),
);
const uwsgiOptions = ['--module', '-w', '--wsgi-file', '--wsgi', '--ini', '--yaml', '--xml', '--json'];
/** Programs that run another as it stands. */
const wrappers =
  /^(?:opentelemetry-instrument|ddtrace-run|newrelic-admin|run-program|watchmedo|auto-restart|debugpy|coverage|run|tornado\.autoreload)$/;

/** `python -m foo.bar` is foo.bar; `gunicorn shop.wsgi` is shop; `manage.py runserver` is the project's folder. */
export function pythonName(context: CommandContext): string | undefined {
  const { argv } = context;
  // With setproctitle.
  const written = ownTitle(context);
  if (written !== undefined) return written;
  if (/^uwsgi/.test(basename(context.exe ?? ''))) return tool(context, 'uwsgi', 0);
  const at = firstOperand(argv, 1, withValue);
  const module = argv.findIndex((a, i) => i > 0 && /^-[a-zA-Z]*m$/.test(a) && (at === undefined || i < at));
  if (argv.slice(1, at).includes('-c') && module < 0) return undefined;
  if (module > 0) {
    const name = argv[module + 1];
    return name === undefined ? undefined : (tool(context, name, module + 1) ?? whole(context, name));
  }
  if (at === undefined) return undefined;
  const script = argv[at]!;
  if (isPlace(script)) return project(context, `${script}/x`);
  const name = stem(script);
  const named = tool(context, name, at);
  if (named !== undefined) return named;
  if (name === 'manage') {
    const settings = djangoSettings(context, script)?.split('.')[0];
    return settings && !isBland(settings) ? settings : (project(context, script) ?? settings ?? name);
  }
  return isBland(name) ? (project(context, script) ?? name) : name;
}

/** The module that a Django project's `manage.py` says its settings are in, unless the environment says another. */
function djangoSettings(context: CommandContext, script: string): string | undefined {
  const given = context.environment.get('DJANGO_SETTINGS_MODULE');
  if (given) return given;
  const text = context.readText(absolute(context, script) ?? script);
  return /DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)/.exec(text ?? '')?.[1];
}

/** What a server or wrapper was told to run; undefined when `name` is neither. */
function tool(context: CommandContext, name: string, at: number): string | undefined {
  const { argv } = context;
  if (wrappers.test(name)) {
    const next = firstOperand(argv, at + 1, new Set(['--directory', '--pattern', '--listen']));
    if (next === undefined) return undefined;
    const inner = argv[next]!;
    if (wrappers.test(stem(inner))) return tool(context, stem(inner), next);
    const program = /^(?:python|pypy)[\d.]*$/.test(basename(inner))
      ? argv.slice(next)
      : ['python', ...argv.slice(next)];
    return pythonName({ ...context, argv: program });
  }
  if (servers.test(name)) {
    if (/^(?:run|dev|serve)$/.test(argv[at + 1] ?? '')) at++;
    const given = option(argv, at, ['-n', '--name']);
    if (given !== undefined && name === 'gunicorn') return given;
    const app =
      option(argv, at, name === 'uwsgi' ? uwsgiOptions : ['--module', '--wsgi-file', '--app']) ??
      argv.slice(at + 1).find((a) => /^[A-Za-z_][\w.]*:[\w.()]+$/.test(a));
    const next = app === undefined ? firstOperand(argv, at + 1, serverOptions) : undefined;
    const target = app ?? (next === undefined ? undefined : argv[next]);
    // `gunicorn -c FILE`: what it serves stands there.
    if (target === undefined) return project(context, './x') ?? name;
    const module =
      name === 'uwsgi' ? stem(target.replace(/:.*$/, '')) : target.replace(/:.*$/, '').replace(/\.py$/, '');
    return dotted(context, module.replaceAll('/', '.'));
  }
  if (name === 'celery') {
    const app = option(argv, at, ['-A', '--app']);
    return app === undefined ? name : dotted(context, app.replace(/:.*$/, ''));
  }
  if (name === 'flask') {
    const app = option(argv, at, ['-A', '--app']) ?? context.environment.get('FLASK_APP');
    return dotted(context, (app ?? 'app').replace(/:.*$/, '').replace(/\.py$/, ''));
  }
  return undefined;
}

function option(argv: readonly string[], from: number, names: readonly string[]): string | undefined {
  for (let i = from + 1; i < argv.length; i++) {
    for (const name of names) {
      if (argv[i] === name) return argv[i + 1];
      if (name.startsWith('--') && argv[i]!.startsWith(`${name}=`)) return argv[i]!.slice(name.length + 1);
    }
  }
  return undefined;
}

/** A module that is run is called as it is, unless that is `main` or the like. */
function whole(context: CommandContext, module: string): string {
  const name = module.replace(/\.__main__$/, '');
  return isBland(name) ? dotted(context, name) : name;
}

/** `shop.wsgi` is shop; `main` alone is the project's folder; `foo.bar` stays. */
function dotted(context: CommandContext, module: string): string {
  const parts = module.split('.').filter((p) => p !== '');
  while (parts.length > 1 && isBland(parts.at(-1)!)) parts.pop();
  const name = parts.join('.');
  if (!isBland(name)) return name;
  return project(context, './x') ?? name;
}

function project(context: CommandContext, script: string): string | undefined {
  return projectName(absolute(context, script), (folder) => {
    const text = context.readText(`${folder}/pyproject.toml`);
    return /^\[(?:project|tool\.poetry)\][^[]*?^name\s*=\s*["']([^"'\n]+)["']/ms.exec(text ?? '')?.[1];
  });
}
