/** Name and tag of an image's reference: of `registry:5000/till:3@sha256:…` `registry:5000/till` and `3`. None of one that is only an id. */
export function readImage(image = ''): { readonly name?: string; readonly tag?: string } {
  const [, name, tag] = /^([^@]+?)(?::([\w][\w.-]*))?(?:@.*)?$/.exec(image) ?? [];
  return name === undefined || /^(?:sha256|[0-9a-f]{64})$/.test(name) ? {} : { name, tag };
}
