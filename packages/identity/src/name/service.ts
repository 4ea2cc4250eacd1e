import type { CgroupUnit } from '../cgroup/container.ts';
import { unescapeUnit } from '../cgroup/systemd.ts';
import type { Container } from '../container/resolve.ts';
import { type Environment, resourceAttributesOf } from '../process/environ.ts';
import { commandName } from './command.ts';
import { imageName, isMadeUp, isRuntime } from './container.ts';
import { type CommandContext, isBland } from './context.ts';
import { oneLine } from './line.ts';
import { ownerOfPod } from './owner.ts';

/** Which rule gave a service its name, strongest first. */
export type NameRule =
  | 'OTEL_SERVICE_NAME'
  | 'OTEL_RESOURCE_ATTRIBUTES'
  | 'DD_SERVICE'
  | 'systemd-unit'
  | 'compose-service'
  | 'pod-owner'
  | 'container-name'
  | 'process-manager'
  | 'command'
  | 'container-image';

/** What a service is called, and why. */
export interface ServiceName {
  name: string;
  rule: NameRule;
  /**
   * `service.namespace`: what OTEL_RESOURCE_ATTRIBUTES says, else the pod's, else of a compose service its project. Two that are
   * called the same there are two services.
   */
  namespace?: string;
  /** `service.version`, only where OTEL_RESOURCE_ATTRIBUTES says it. */
  version?: string;
}

/** Units that start other people's programs, by their whole name. */
const generic = new RegExp(
  `^(?:cron|crond|anacron|atd|ssh|sshd|dbus|dbus-broker|supervisor|supervisord|docker|containerd|podman|crio|cri-docker|kubelet|
  k3s|k3s-agent|snap\\.docker\\.dockerd|buildkit|gitlab-runner|emergency|rescue|getty|serial-getty|rc-local|libvirtd|incus|
  lxd|lxc|screen|monit|runit|circus|garden|ssh-agent)(?:@.*)?\\.service$`.replace(/\s+/g, ''),
);
/** Units whose names are made up as they start: systemd-run's among them, `run-u12`, `run-r…` and, since 257, `run-p12-i345`. */
const madeUp =
  /^(?:user@|user-runtime-dir@|run-(?:u\d+|r[0-9a-f]{32}|p\d+-i\d+)\.|pm2-|libpod-|tmux-spawn|vte-spawn|actions\.runner|systemd-nspawn@|s6-)/;
/** What a desktop starts, in the systemd of its user: `app-gnome-terminal-1234.scope`. */
const ofDesktop = /^(?:app|session)-/;

/**
 * Names the service that a process is part of. First what somebody wrote down for it (OTEL_SERVICE_NAME, service.name in
 * OTEL_RESOURCE_ATTRIBUTES, DD_SERVICE), then its systemd unit, then its container (the compose service, the pod's
 * owner, the container's name unless its engine made that up), then what pm2 or supervisord was told to call it, then its program and main argument;
 * where these say nothing and nobody named the container, its image.
 */
export function nameService(
  context: CommandContext,
  unit: CgroupUnit | undefined,
  container: Container | undefined,
): ServiceName {
  const attributes = resourceAttributesOf(context.environment);
  const named = first(context, context.environment, attributes, unit, container);
  const place = container?.pod?.namespace ?? (named.rule === 'compose-service' && container?.composeProject);
  return {
    ...named,
    namespace: known(attributes.get('service.namespace')) ?? known(place || undefined),
    version: known(attributes.get('service.version')),
  };
}

function first(
  context: CommandContext,
  environment: Environment,
  attributes: ReadonlyMap<string, string>,
  unit: CgroupUnit | undefined,
  container: Container | undefined,
): { name: string; rule: NameRule } {
  const otel = known(environment.get('OTEL_SERVICE_NAME'));
  if (otel) return { name: otel, rule: 'OTEL_SERVICE_NAME' };
  const attribute = known(attributes.get('service.name'));
  if (attribute) return { name: attribute, rule: 'OTEL_RESOURCE_ATTRIBUTES' };
  const datadog = known(environment.get('DD_SERVICE'));
  if (datadog) return { name: datadog, rule: 'DD_SERVICE' };
  const named = unit === undefined ? undefined : unitName(unit);
  if (named !== undefined) return { name: named, rule: 'systemd-unit' };
  const compose = known(container?.composeService);
  if (compose) return { name: compose, rule: 'compose-service' };
  const pod = known(container?.pod?.name);
  if (pod) return { name: ownerOfPod(pod), rule: 'pod-owner' };
  const own = known(container?.name);
  if (own && !isMadeUp(own)) return { name: own, rule: 'container-name' };
  const managed = known(managedName(environment));
  if (managed) return { name: managed, rule: 'process-manager' };
  const command = commandName(context);
  // In a container half of all programs are /app/server.js, and two of them are not one service.
  if (!own || !(isBland(command) || isRuntime(command))) return { name: command, rule: 'command' };
  const image = known(imageName(container?.image));
  return image ? { name: image, rule: 'container-image' } : { name: own, rule: 'container-name' };
}

/** The name by which pm2 or supervisord runs it; of several processes of one of supervisord's programs, that program's. */
function managedName(environment: Environment): string | undefined {
  const { pm2, process, group } = {
    pm2: environment.get('pm2_env') || (environment.has('pm_id') ? environment.get('name') : undefined),
    process: environment.get('SUPERVISOR_PROCESS_NAME'),
    group: environment.get('SUPERVISOR_GROUP_NAME'),
  };
  if (pm2) return pm2;
  // web_00, web_01, … of web; a group may also be of programs with names of their own.
  return group && process && /^\d+$/.test(process.replace(`${group}_`, '')) ? group : process;
}

/** A service unit's name without `.service`; undefined for scopes and for units that say nothing about what they run. */
export function unitName(unit: CgroupUnit): string | undefined {
  if (unit.kind !== 'service' || generic.test(unit.name) || madeUp.test(unit.name)) return undefined;
  if (unit.user !== undefined && ofDesktop.test(unit.name)) return undefined;
  return known(unescapeUnit(unit.name.slice(0, -'.service'.length)));
}

function known(value: string | undefined): string | undefined {
  return oneLine(value ?? '', 255) || undefined;
}
