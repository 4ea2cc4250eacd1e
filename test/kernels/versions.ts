/** Whether a kernel's release, `6.1.0-56-cloud-amd64`, is of this version or a later one. */
export function atLeast(release: string, version: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((n) => Number.parseInt(n, 10));
  const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
