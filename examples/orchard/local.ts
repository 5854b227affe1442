/** Headers that only a proxy sets: with one of them, a loopback host proves nothing. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via'];

/**
 * Whether a request was sent to this computer by name, through no proxy. A page elsewhere whose name
 * resolves to this computer (DNS rebinding) has another host.
 */
export function isOnThisComputer(request: Request): boolean {
  const { hostname } = new URL(request.url);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return loopback && !FORWARDING_HEADERS.some((name) => request.headers.has(name));
}
