import { readImage } from '../container/image.ts';
import { interpreterOf } from '../language/programs.ts';

/** What docker and podman call a container that nobody named, another each time: `quirky_kepler`, `brave_curie2`. */
const ofNobody = new RegExp(
  `^(?:admiring|adoring|affectionate|agitated|amazing|angry|awesome|beautiful|blissful|bold|boring|brave|busy|charming|clever|
  compassionate|competent|condescending|confident|cool|cranky|crazy|dazzling|determined|distracted|dreamy|eager|ecstatic|elastic|
  elated|elegant|eloquent|epic|exciting|fervent|festive|flamboyant|focused|friendly|frosty|funny|gallant|gifted|goofy|gracious|
  great|happy|hardcore|heuristic|hopeful|hungry|infallible|inspiring|intelligent|interesting|jolly|jovial|keen|kind|laughing|
  loving|lucid|magical|modest|musing|mystifying|naughty|nervous|nice|nifty|nostalgic|objective|optimistic|peaceful|pedantic|
  pensive|practical|priceless|quirky|quizzical|recursing|relaxed|reverent|romantic|sad|serene|sharp|silly|sleepy|stoic|strange|
  stupefied|suspicious|sweet|tender|thirsty|trusting|unruffled|upbeat|vibrant|vigilant|vigorous|wizardly|wonderful|xenodochial|
  youthful|zealous|zen)_[a-z]+\\d?$`.replace(/\s+/g, ''),
);
/** Images that any program may run in. */
const bases =
  /^(?:alpine|debian|ubuntu|busybox|fedora|centos|rockylinux|almalinux|amazonlinux|scratch|distroless|golang|rust|openjdk|eclipse-temurin|amazoncorretto|gcc|static|base|base-debian\d+|java\d+-debian\d+|nodejs\d+-debian\d+)$/;

/** Whether an engine made a container's name up, since nobody gave it one. */
export function isMadeUp(name: string): boolean {
  return ofNobody.test(name);
}

/** Whether it is the name of what runs other people's programs. */
export function isRuntime(name: string): boolean {
  return bases.test(name) || interpreterOf(name) !== undefined;
}

/** `registry/acme/shop:1` is shop; undefined for an image that says only what its program is written in. */
export function imageName(image: string | undefined): string | undefined {
  const name = readImage(image).name?.split('/').at(-1);
  return name === undefined || isRuntime(name) ? undefined : name;
}
