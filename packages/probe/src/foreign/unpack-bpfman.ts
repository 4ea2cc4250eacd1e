import { parseObject } from '@skep/bpf';
import type { Store, StoredImage } from '@skep/oci';
import { filesInTar } from '@skep/oci/tar';
import { describeObject } from '../describe/describe.ts';
import { isFileName } from '../image/names.ts';
import { checkedObject, invalid, platformOf, readLayer } from '../image/read-layers.ts';
import type { ProbeImage } from '../image/types.ts';
import { BtfEditor } from './btf-edit.ts';
import { ElfEditor } from './elf-edit.ts';

/** Says which programs are in the object, as JSON: `{"my_kprobe":"kprobe"}`. */
const PROGRAMS = 'io.ebpf.programs';
const OLD_PROGRAM = 'io.ebpf.bpf_function_name';
/** Behind these, bpfman's sections have a name of their own choice where others have the hook. */
const UNTARGETED = /^\??(k(ret)?probe|u(ret)?probe|fentry|fexit|tracepoint|tp)\/[^/()]+$/;

/**
 * Reads bytecode that bpfman packed: a container image with one layer, in it one object at the top, and labels.
 *
 * @returns undefined for a container image that is none of these
 */
export async function unpackBpfman(store: Store, image: StoredImage): Promise<ProbeImage | undefined> {
  const labels = labelsOf(await readLayer(store, image, image.manifest.config, 'config'));
  if (labels[PROGRAMS] === undefined && labels[OLD_PROGRAM] === undefined) return undefined;
  const [layer, ...others] = image.manifest.layers;
  if (!layer || others.length > 0)
    throw invalid(image, 'bytecode is packed in one layer, and it has several');
  const files = await filesInTar(await readLayer(store, image, layer, 'layer'), 'skip');
  const top = files.filter((f) => !f.name.includes('/'));
  const named = top.filter((f) => f.name.endsWith('.o'));
  // Bytecode may be called anything; bpfman itself takes the only file that there is.
  const objects = named.length === 0 && top.length === 1 ? top : named;
  const [file, ...more] = objects;
  if (!file || more.length > 0) throw invalid(image, `its layer holds ${objects.length} objects, not one`);
  const name = isFileName(file.name) ? file.name : 'program.o';
  const object = checkedObject(image, name, file.bytes, (bytes) =>
    withoutTargets(withGlobalPrograms(bytes, name), name),
  );
  checkLabel(image, labels[PROGRAMS], object);
  return {
    name: image.reference,
    objects: [object],
    title: labels['io.ebpf.program_name'] ?? name.replace(/(\.bpf)?\.o$/, ''),
    description: labels['org.opencontainers.image.description'],
    source: labels['org.opencontainers.image.source'],
    platform: platformOf(image),
    created: image.created,
  };
}

/** Programs of bpfman's examples are static functions, which libbpf refuses and the loaders of bpfman do not mind. */
function withGlobalPrograms(bytes: Uint8Array, name: string): Uint8Array {
  parseObject(bytes, name);
  const file = new ElfEditor(bytes);
  file.makeFunctionsGlobal();
  return file.bytes;
}

/** `kprobe/my_kprobe` is a kprobe whose place `--attach my_kprobe=…` has to say. */
function withoutTargets(bytes: Uint8Array, name: string): Uint8Array {
  const { elf } = parseObject(bytes, name);
  const own = new Set(describeObject(bytes, name).programs.map((p) => p.name));
  const sections = elf.sections.map((s) => s.name).filter((s) => UNTARGETED.test(s));
  // One that is called as no program, like kprobe/do_unlinkat, may well be meant as a hook.
  const made = sections.filter(
    (s) => s.startsWith('tracepoint/') || s.startsWith('tp/') || own.has(s.split('/')[1]!),
  );
  if (made.length === 0) return bytes;
  const file = new ElfEditor(bytes);
  const btf = new BtfEditor(file.content('.BTF')!);
  // libbpf finds what belongs to a program by its section's name, so each keeps one of its own: kprobe/(my_kprobe).
  const named = (section: string) => section.replace(/\/(.*)$/, '/($1)');
  const ext = file.content('.BTF.ext');
  if (ext) for (const section of made) btf.renameSection(ext, section, named(section));
  for (const section of made) file.renameSection(section, named(section));
  file.replace('.BTF', btf.bytes);
  return file.bytes;
}

function checkLabel(
  image: StoredImage,
  label: string | undefined,
  { name, bytes }: ProbeImage['objects'][number],
): void {
  if (label === undefined) return;
  let said: unknown;
  try {
    said = JSON.parse(label);
  } catch {
    throw invalid(image, `its label ${PROGRAMS} is not JSON`);
  }
  if (typeof said !== 'object' || Array.isArray(said))
    throw invalid(image, `its label ${PROGRAMS} names no programs and types`);
  const programs = new Set(describeObject(bytes, name).programs.map((p) => p.name));
  const missing = Object.keys(said ?? {}).find((program) => !programs.has(program));
  if (missing !== undefined)
    throw invalid(image, `its label ${PROGRAMS} names ${missing}, and ${name} has no such program`);
}

function labelsOf(config: Uint8Array): Record<string, string | undefined> {
  try {
    const json = JSON.parse(Buffer.from(config).toString('utf8')) as { config?: { Labels?: unknown } } | null;
    const labels = json?.config?.Labels;
    if (typeof labels !== 'object' || labels === null) return {};
    return Object.fromEntries(Object.entries(labels).filter(([, v]) => typeof v === 'string'));
  } catch (e) {
    if (e instanceof SyntaxError) return {}; // no container image's config, and so not bpfman's
    throw e;
  }
}
