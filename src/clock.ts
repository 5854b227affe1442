/** Seconds since the epoch, whole: the unit of every time that is stored or put into a token. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
