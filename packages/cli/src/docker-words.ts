/** What docker's commands are called here, of those that skep does not have by their names. */
const elsewhere: Readonly<Record<string, string>> = {
  image: 'Here these are commands of their own: list, inspect, tag, rm, save, load, prune, push, pull.',
  container: 'Here these are commands of their own: run -d, ps, logs, stats, attach, stop, rm.',
  history: 'skep inspect IMAGE has the layers; build --provenance=true says how an image was made.',
  search: 'Registries have no search in common: skep tags HOST/NAME lists the tags of a repository.',
  system:
    'skep prune tidies the store, skep verify --store counts and checks it, skep doctor tells of the machine.',
  info: 'skep doctor tells of the machine.',
  events: 'skep logs -f NAME shows what an instance sees, skep ps -a which there are and were.',
  wait: 'skep logs -f NAME goes on until the instance ends; skep ps -a shows its exit code.',
  rename: 'An instance keeps its name: skep run -d --name. An image gets another by skep tag.',
  start:
    'What has ended is started anew: skep run -d. A service that starts by itself: skep generate systemd.',
  restart: 'skep rm -f NAME ends it and skep run -d starts it anew; of a service, systemctl reload.',
  kill: 'skep stop -t 0 NAME ends it at once.',
  create: 'skep run -d starts an instance.',
  exec: 'There is nothing inside of a probe to execute: skep attach shows what it sees.',
  pause: 'A probe is attached or it is not: skep stop, skep run -d.',
  port: 'skep ps shows where its /metrics are.',
  update: 'What runs is not changed: skep rm -f NAME, and skep run -d with other flags.',
  import: 'skep load reads archives of images, skep build FILE.o NAME packs an object.',
  export: 'skep save writes archives of images.',
  manifest:
    'skep inspect IMAGE has manifest and index; build --platform makes one for several architectures.',
  buildx: 'skep build does it: --platform, --provenance, --sbom.',
  trust: "skep sign and skep verify, with cosign's keys.",
};

/** What to write instead of a command of docker's; undefined for a word that is none. */
export function insteadOf(word: string): string | undefined {
  return Object.hasOwn(elsewhere, word) ? elsewhere[word] : undefined;
}
