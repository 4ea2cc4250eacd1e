/**
 * Text from outside, such as an image's description, for people to read: without the control characters by which it could move about
 * on a terminal, or change what stands there. Lines and tabs stay.
 */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
