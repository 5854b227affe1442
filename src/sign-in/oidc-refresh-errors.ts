/*
 * What a provider means that refuses a refresh token (RFC 6749 section 5.2). Providers write the same refusal in many
 * ways; docs/identity-providers.md lists them with their sources.
 */

/** A provider's own error: its code in lower case, and all that it says about it. Both are empty when it says nothing. */
export interface ProviderError {
  code: string;
  text: string;
}

/**
 * `gone`: the person may not come in by it any more, or it no longer knows the token. `sign_in_again`: it wants the
 * person to act at it first (another factor, consent, an expired password). `not_now`: nothing about the person.
 */
export type RefreshVerdict = 'gone' | 'sign_in_again' | 'not_now';

const GONE = new Set(['invalid_grant', 'invalid_refresh_token', 'token_revoked', 'user_disabled']);
/** OpenID Connect Core 1.0 section 3.1.2.6, RFC 9470 section 3, Auth0 (`mfa_required`), Google (`invalid_rapt`). */
const SIGN_IN_AGAIN = new Set([
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
  'unmet_authentication_requirements',
  'insufficient_user_authentication',
  'mfa_required',
  'invalid_rapt',
  'access_denied',
]);

/** The account itself is what is wrong, whatever else is said. Entra: AADSTS50034, AADSTS50057. */
const ACCOUNT_GONE =
  /disabled|deactivated|suspended|blocked|deleted|(user|account) (was |is )?not found|no longer exists|AADSTS500(34|57)\b/i;
/** Words and codes that ask for the person, in Entra also codes: MFA, consent, conditional access, inactivity. */
const ASKS_FOR_PERSON =
  /\bmfa\b|\b2fa\b|(multi|two|second)[- ]?factor|step[- ]?up|interaction|re-?auth|(log|sign)[- ]?in (again|required|is required)|consent|password (has |is |was |must be )?(expired|changed)|inactivity|invalid_rapt|AADSTS(50055|5007[2469]|50078|50125|50158|5300[0-4]|6500[14]|700082)\b/i;
/** Dex answers `invalid_request` with these words when it doesn't know the refresh token, or has seen it before. */
const TOKEN_REFUSED = /refresh token is invalid|already been claimed|refresh token expired/i;

/** What a refusal means. Anything that isn't clearly about the person or the token is `not_now`. */
export function judgeRefreshError({ code, text }: ProviderError): RefreshVerdict {
  if (code === 'invalid_request') return TOKEN_REFUSED.test(text) ? 'gone' : 'not_now';
  if (SIGN_IN_AGAIN.has(code)) return ACCOUNT_GONE.test(text) ? 'gone' : 'sign_in_again';
  if (!GONE.has(code)) return 'not_now';
  return ASKS_FOR_PERSON.test(text) && !ACCOUNT_GONE.test(text) ? 'sign_in_again' : 'gone';
}

/** Statuses with which a provider refuses what it was sent; 200, because some write errors into it. */
const REFUSALS = [200, 400, 401, 403];
const KNOWN_CODES = new RegExp(`\\b(${[...GONE, ...SIGN_IN_AGAIN].join('|')})\\b`, 'i');
/** Longer texts are pages of somebody else, such as a firewall. */
const LONGEST_TEXT = 2_000;

/**
 * The error in an answer of the token endpoint: a JSON object, a form (`error=…`), or plain text with a code that is
 * known. Undefined when it says none.
 */
export function readProviderError(status: number, body: string): ProviderError | undefined {
  if (!REFUSALS.includes(status)) return undefined;
  const members = parseObject(body) ?? (status === 200 ? {} : parseForm(body));
  if (typeof members.error === 'string' && members.error !== '') {
    const { error, error_description, suberror, error_subtype, error_codes, claims: _ } = members;
    const codes = Array.isArray(error_codes) ? error_codes.map((code) => `AADSTS${code}`) : [];
    const said = [error_description, suberror, error_subtype, ...codes];
    const text = said.filter((one) => typeof one === 'string' && one !== '').join(' ');
    return {
      code: error
        .trim()
        .toLowerCase()
        .replace(/[\s-]+/g, '_'),
      text,
    };
  }
  if (status === 200 || body.length > LONGEST_TEXT) return undefined;
  const [code] = KNOWN_CODES.exec(body) ?? [];
  return code === undefined ? undefined : { code: code.toLowerCase(), text: body.trim() };
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parseForm(body: string): Record<string, unknown> {
  return /^error=/.test(body) ? Object.fromEntries(new URLSearchParams(body.trim())) : {};
}
