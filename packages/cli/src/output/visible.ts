/**
 * Text from outside, such as an image's description, for people to read: without the control characters by which it could move about
 * on a terminal, change what stands there, or turn the direction of what follows. Lines and tabs stay.
 */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}
