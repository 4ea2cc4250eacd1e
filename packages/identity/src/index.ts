export { type ResourceAttributes, resourceAttributes, uuidOf } from './attributes.ts';
export {
  type CgroupContainer,
  type CgroupMeaning,
  type CgroupPod,
  type CgroupUnit,
  type ContainerRuntime,
  type Qos,
  readCgroupPath,
} from './cgroup/container.ts';
export { type CgroupPaths, parseCgroupFile, pathsInOrder } from './cgroup/file.ts';
export { CgroupIds } from './cgroup/ids.ts';
export { unescapeUnit } from './cgroup/systemd.ts';
export { type Container, Containers, type Place, type Pod } from './container/resolve.ts';
export type { GoBuild } from './elf/go.ts';
export { IdentityError, type IdentityErrorCode } from './errors.ts';
export type { ExecEvent, ExitEvent, ForkEvent } from './events.ts';
export { Host, type HostPaths } from './host/host.ts';
export { listPids } from './host/pids.ts';
export { Identities, type IdentitiesOptions } from './identities.ts';
export type { Identity } from './identity.ts';
export type { Runtime } from './language/detect.ts';
export type { Language } from './language/programs.ts';
export type { NameRule, ServiceName } from './name/service.ts';
export type { Environment } from './process/environ.ts';
export { type Namespaces, type Process, readProcess } from './process/read.ts';
export { ticksOfNanoseconds } from './process/stat.ts';
export { exportsTraces, mayExportTraces, type Sdk, whenConnected } from './sdk.ts';
export { ConnectedTo, type InNamespace } from './sockets/connected.ts';
export { type Listener, Listeners } from './sockets/listeners.ts';
export type { Listening } from './sockets/table.ts';
