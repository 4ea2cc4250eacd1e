import { basename } from 'node:path';
import { absolute, type CommandContext, isBland, projectName } from './context.ts';

const withValue = new Set(
  `-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-opens --add-exports --add-reads
  --limit-modules --enable-native-access --patch-module`.split(/\s+/),
);

/** Main classes that stand for a product, whatever it serves. */
const products: Record<string, string> = {
  'org.apache.catalina.startup.Bootstrap': 'tomcat',
  'kafka.Kafka': 'kafka',
  'org.apache.zookeeper.server.quorum.QuorumPeerMain': 'zookeeper',
  'org.apache.cassandra.service.CassandraDaemon': 'cassandra',
  'org.elasticsearch.bootstrap.Elasticsearch': 'elasticsearch',
  'org.elasticsearch.server': 'elasticsearch',
  'org.opensearch.bootstrap.OpenSearch': 'opensearch',
  'org.jruby.Main': 'jruby',
  'org.logstash.Logstash': 'logstash',
  'weblogic.Server': 'weblogic',
  'org.jboss.modules.Main': 'jboss',
  'org.apache.hadoop.hdfs.server.namenode.NameNode': 'namenode',
  'org.apache.hadoop.hdfs.server.datanode.DataNode': 'datanode',
};
/** They start what lies in their folder. */
const launchers =
  /^(?:org\.springframework\.boot\.loader\.(?:launch\.)?(?:Jar|War|Properties)Launcher|play\.core\.server\.ProdServerStart|io\.ktor\.server\.\w+\.EngineMain)$/;
/** Vert.x' start the class behind `run`. */
const runners = /^io\.vertx\.(?:core\.Launcher|launcher\.application\.VertxApplication)$/;

/** `java -jar shop-1.2.jar` is shop; a main class by its own name, or its package's where that says nothing. */
export function javaName(context: CommandContext): string | undefined {
  const { argv } = context;
  const spring = argv.find((a) => /^--?D?spring\.application\.name=/.test(a));
  if (spring !== undefined) return spring.slice(spring.indexOf('=') + 1);
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === '-jar') return argv[i + 1] === undefined ? undefined : jarName(context, argv[i + 1]!);
    if (arg === '-m' || arg === '--module') return moduleName(context, argv[i + 1]);
    if (arg.startsWith('--module=')) return moduleName(context, arg.slice(9));
    if (withValue.has(arg)) i++;
    else if (!arg.startsWith('-') && !arg.startsWith('@')) return className(context, arg);
  }
  return undefined;
}

/** Without the version: an upgrade is no new service. `app.jar` is called by its folder. */
function jarName(context: CommandContext, path: string): string {
  const file = basename(path).replace(/\.[jw]ar$/, '');
  const name =
    file.replace(
      /[-_.]v?\d+(?:[-.](?:SNAPSHOT|RELEASE|RC\d*|M\d+|GA|Final|all|exec|fat|boot|runner|\d+))*$/i,
      '',
    ) || file;
  return isBland(name) ? (projectName(absolute(context, path)) ?? name) : name;
}

function moduleName(context: CommandContext, module: string | undefined): string | undefined {
  if (module === undefined) return undefined;
  const [name, main] = module.split('/');
  return products[name!] ?? (main === undefined ? name : className(context, main));
}

function className(context: CommandContext, main: string): string {
  const product = products[main];
  if (product !== undefined) return product;
  // A class file by its path: single-file source programs.
  if (main.endsWith('.java')) return basename(main, '.java');
  const cwd = context.cwd();
  if (launchers.test(main)) return projectName(cwd && `${cwd}/x`) ?? main.split('.').at(-1)!;
  const verticle = runners.test(main) ? context.argv[context.argv.indexOf('run') + 1] : undefined;
  // Kotlin's file of a main function: MainKt.
  const parts = (verticle ?? main).replace(/Kt$/, '').split(/[./]/);
  while (parts.length > 1 && isBland(parts.at(-1)!)) parts.pop();
  return parts.at(-1)!;
}
