/** A type around the place where a declarator's name would stand: `int (*` and `)(char)`. */
export interface Type {
  readonly left: string;
  readonly right: string;
  /** A function or an array: a pointer to it needs parentheses. */
  readonly whole?: boolean;
}

/** What a substitution stands for. */
export interface Known extends Type {
  /** The last part of a name, by which constructors are called. */
  readonly last: string;
}

/** A type, or part of a name, that is written from left to right. */
export const plain = (text: string, last = text): Known => ({ left: text, right: '', last });

/** A type by itself. */
export function shown({ left, right }: Type): string {
  return left + right;
}

/** The parameters of a function, as they stand between its parentheses. */
export function parameterList(types: readonly string[]): string {
  return types.length === 1 && types[0] === 'void' ? '' : types.join(', ');
}

/** A pointer or reference to a type, or to a member: `mark` is `*`, `&`, `&&`, `Class::*`. */
export function pointer(of: Type, mark: string): Type {
  if (!of.whole) {
    // A reference to a reference is the first one.
    const collapsed =
      /&$/.test(of.left) && (mark === '&' || mark === '&&')
        ? of.left.replace(/&+$/, mark === '&' ? '&' : '$&')
        : undefined;
    return { left: collapsed ?? `${of.left}${mark.includes('::') ? ' ' : ''}${mark}`, right: of.right };
  }
  return { left: `${of.left}${of.left.endsWith(' ') ? '' : ' '}(${mark}`, right: `)${of.right}` };
}
