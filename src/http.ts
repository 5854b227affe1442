import { ok, type Refusal, type Result, refuse } from './result';

/** The longest form, in bytes. Codes, tokens and assertions are far shorter. */
const MAX_FORM_BYTES = 64 * 1024;

/** Why a body is no form that is read. */
export type FormRefusal = 'form_wrong_type' | 'form_too_large' | 'form_unreadable';

/**
 * Reads an `application/x-www-form-urlencoded` body of at most 64 kB (RFC 6749 appendix B). Refused as
 * `form_wrong_type` (`detail` is the type), `form_too_large`, or `form_unreadable` when it isn't UTF-8.
 */
export async function readForm(request: Request): Promise<Result<URLSearchParams, Refusal<FormRefusal>>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return refuse('form_wrong_type', type);
  const body = await readBody(request, MAX_FORM_BYTES);
  if (!body.ok) return refuse('form_too_large');
  const text = decodeUtf8(body.value);
  return text === undefined ? refuse('form_unreadable') : ok(new URLSearchParams(text));
}

/** The text of UTF-8 bytes, with the byte order mark if there is one; undefined when they aren't UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads a body of at most `maxBytes`; `body_too_large` as soon as it is longer. No body is an empty one. */
export async function readBody(
  request: Request,
  maxBytes: number,
): Promise<Result<Uint8Array, Refusal<'body_too_large'>>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return refuse('body_too_large');
    chunks.push(chunk);
  }
  return ok(joinBytes(chunks));
}

/** Joins parts into one array, which is the part itself when there is only one. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The parameters that are given more than once, which RFC 6749 section 3.1 forbids, but for those in `allowed`. */
export function repeatedNames(parameters: URLSearchParams, allowed: readonly string[] = []): string[] {
  const names = [...new Set(parameters.keys())];
  return names.filter((name) => !allowed.includes(name) && parameters.getAll(name).length > 1);
}

/** Headers of answers to OAuth requests, which are never stored (RFC 6749 section 5.1). */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' };
