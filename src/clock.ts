/** The time in whole seconds since the epoch, which is the unit of every time in storage and tokens. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
