/** `shop/web`: a service as a table names it. Another of the name may be in another namespace. */
export function fullName(name: string, namespace: string | undefined): string {
  return namespace ? `${namespace}/${name}` : name;
}
