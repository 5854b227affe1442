/** Headers that only a proxy sets. With one of them, the request may come from another computer. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via'];

/**
 * Whether a request was sent to a loopback host, without a proxy. A website whose name resolves to this computer (DNS
 * rebinding) has another host.
 */
export function isOnThisComputer(request: Request): boolean {
  const { hostname } = new URL(request.url);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return loopback && !FORWARDING_HEADERS.some((name) => request.headers.has(name));
}
