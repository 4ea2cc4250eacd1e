import { stringify } from 'yaml';
import type { Needs } from './needs.ts';

export interface ManifestOptions {
  readonly name: string;
  readonly namespace: string;
  /** A container image that has skep, and a probe in its store where one is run. */
  readonly image: string;
  /** What `skep` is to do in it: its words. It serves /metrics and /healthz on `port`. */
  readonly args: readonly string[];
  readonly port: number;
  /** Also a ServiceMonitor, for clusters with Prometheus' operator. */
  readonly monitor: boolean;
}

/**
 * What runs a probe, or the agent, on every node: Namespace, ServiceAccount without any right in the cluster, DaemonSet,
 * Service, and a ServiceMonitor where wanted. Many YAML documents.
 *
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/daemon-set-v1/
 */
export function kubernetesManifests(o: ManifestOptions, needs: Needs): string {
  const labels = { 'app.kubernetes.io/name': o.name, 'app.kubernetes.io/part-of': 'skep' };
  const metadata = { name: o.name, namespace: o.namespace, labels };
  const documents: object[] = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: o.namespace,
        // It needs the host's processes and capabilities of its own.
        labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
        template: { metadata: { labels }, spec: podSpec(o, needs) },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        clusterIP: 'None',
        selector: labels,
        ports: [{ name: 'metrics', port: o.port, targetPort: 'metrics', protocol: 'TCP' }],
      },
    },
  ];
  if (o.monitor)
    documents.push({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        endpoints: [
          {
            port: 'metrics',
            path: '/metrics',
            relabelings: [
              { action: 'replace', sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'node' },
            ],
          },
        ],
      },
    });
  return (
    documents
      // kubectl reads YAML 1.1, where yes, on and 1_000 are no texts unless they are quoted.
      .map((d) => `---\n${stringify(d, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`)
      .join('')
  );
}

function podSpec(o: ManifestOptions, needs: Needs): object {
  const mount = (name: string, path: string) => ({ name, mountPath: path, readOnly: true });
  const volume = (name: string, path: string) => ({ name, hostPath: { path, type: 'Directory' } });
  return {
    serviceAccountName: o.name,
    automountServiceAccountToken: false,
    // Process ids as the kernel reports them, and their programs.
    hostPID: true,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 15,
    containers: [
      {
        name: 'skep',
        image: o.image,
        command: ['skep'],
        args: o.args,
        ports: [{ name: 'metrics', containerPort: o.port, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/healthz', port: 'metrics' }, periodSeconds: 5 },
        livenessProbe: {
          httpGet: { path: '/healthz', port: 'metrics' },
          initialDelaySeconds: 15,
          periodSeconds: 20,
        },
        resources: { requests: { cpu: '20m', memory: '120Mi' }, limits: { memory: '512Mi' } },
        securityContext: {
          runAsUser: 0,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'], add: needs.capabilities.map((c) => c.replace('CAP_', '')) },
          // Its own filter is narrower, once the probe is attached.
          seccompProfile: { type: 'Unconfined' },
        },
        env: [
          { name: 'XDG_CACHE_HOME', value: '/tmp' },
          { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          // On all that is sent by OTLP.
          { name: 'OTEL_RESOURCE_ATTRIBUTES', value: 'k8s.node.name=$(NODE_NAME)' },
        ],
        volumeMounts: [
          mount('tracefs', '/sys/kernel/tracing'),
          mount('cgroup', '/sys/fs/cgroup'),
          mount('containers', '/var/log/containers'),
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      volume('tracefs', '/sys/kernel/tracing'),
      volume('cgroup', '/sys/fs/cgroup'),
      // The kubelet's links there have namespace, pod and container in their names; they lead nowhere in this container.
      { name: 'containers', hostPath: { path: '/var/log/containers', type: 'DirectoryOrCreate' } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}
