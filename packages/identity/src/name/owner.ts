/** The letters that Kubernetes makes random names of: no vowels, nothing that looks like another. */
const RANDOM = '[bcdfghjklmnpqrstvwxz2456789]';
const deployment = new RegExp(`^(.+)-${RANDOM}{6,10}-${RANDOM}{5}$`);
const cronJob = new RegExp(`^(.+)-\\d{8,10}-${RANDOM}{5}$`);
const daemonSet = new RegExp(`^(.+)-${RANDOM}{5}$`);
const statefulSet = /^(.+)-\d{1,5}$/;

/**
 * What made a pod, guessed from the pod's name: `web-7d9f8b6c5d-x2x7p` is of `web`, `db-0` of `db`. Without the API
 * server this is all that there is to go by; a bare pod whose name looks like one of these is misread.
 */
export function ownerOfPod(pod: string): string {
  for (const pattern of [cronJob, deployment, daemonSet, statefulSet]) {
    const owner = pattern.exec(pod)?.[1];
    if (owner !== undefined) return owner;
  }
  return pod;
}
