// Docker Hub answers at another name than the one people write.
const HUB = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

export function isHub(host: string): boolean {
  return HUB.has(host.toLowerCase());
}

/** The host that serves the registry API for a registry as it stands in a reference. */
export function apiHost(registry: string): string {
  return isHub(registry) ? 'registry-1.docker.io' : registry;
}

/** The repository as that registry calls it: one-word names on Docker Hub belong to `library`. */
export function apiRepository(registry: string, repository: string): string {
  return isHub(registry) && !repository.includes('/') ? `library/${repository}` : repository;
}

/** `localhost`, `127.0.0.0/8`, `::1`; with or without a port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || name === '::1') return true;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
