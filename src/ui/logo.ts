import type { Context } from 'hono';
import { deploymentOf } from '../config';
import { outboundFetch } from '../outbound-fetch';

const POLICY = { maxBytes: 256 * 1024, timeoutMs: 5_000, statuses: 'ok' } as const;
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|svg\+xml)[ \t]*(?:;|$)/i;

/**
 * `GET /logo`: the operator's `LOGO` from our own origin, because our pages load nothing from elsewhere. 404 when it
 * can't be fetched, or is no image. An SVG opened by itself can do nothing either.
 */
export async function logo(c: Context): Promise<Response> {
  const { settings } = deploymentOf(c);
  if (!settings.logo || settings.logo.startsWith('data:')) return c.notFound();
  const fetched = await outboundFetch(settings.logo, POLICY, { headers: { accept: 'image/*' } });
  const [, kind] = fetched.ok ? (IMAGE.exec(fetched.value.headers.get('content-type') ?? '') ?? []) : [];
  if (!fetched.ok || kind === undefined) return c.notFound();
  return c.body(fetched.value.body as Uint8Array<ArrayBuffer>, 200, {
    'Content-Type': `image/${kind.toLowerCase()}`,
    'Cache-Control': 'public, max-age=86400',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    'X-Content-Type-Options': 'nosniff',
  });
}
