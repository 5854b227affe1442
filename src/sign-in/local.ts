import type { Identity } from '../account';

/** The issuer of names that people give themselves on their own computer. */
const LOCAL_ISSUER = 'local';

/**
 * The identity that the `local` form describes: its name is the subject, its address counts as verified, its groups are
 * separated by commas. Undefined without a name. Offered on loopback only, which the caller checks.
 */
export function readLocalIdentity(form: Record<string, string>): Identity | undefined {
  const name = cleanText(form.name ?? '');
  if (name === '' || name.length > 100) return undefined;
  const email = cleanText(form.email ?? '').slice(0, 254);
  const groups = (form.groups ?? '').split(',').map(cleanText);
  return {
    provider: 'local',
    issuer: LOCAL_ISSUER,
    subject: name,
    name,
    email: email === '' ? undefined : email,
    email_verified: email !== '',
    groups: groups.filter((group) => group !== '').slice(0, 100),
  };
}

/** The text without control characters and outer white space. */
function cleanText(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').trim();
}
