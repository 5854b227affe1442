import { z } from 'zod';
import { httpUrl, issuerUrl, role, secondsSetting, settingName } from './primitives';
import { claimRule } from './servers';

/** Public keys in a setting (RFC 7517 section 5), for a signer whose JWKS URL can't be reached. */
export const publicKeysSetting = z.object({
  keys: z
    .array(
      z
        .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP'], { error: 'must be RSA, EC, or OKP' }) })
        .refine((key) => !('d' in key || 'k' in key), {
          error: 'must be a public key, without its private part',
        }),
    )
    .min(1),
});

/**
 * A test of one claim. A regular expression has to match the whole claim: otherwise `acme/` would accept
 * `evil-acme/x`, and anyone can get tokens from a public issuer.
 */
const claimTest = claimRule
  .refine((rule) => rule.tools === undefined, { error: 'tools is only for SERVERS' })
  .transform((rule) => (rule.regex === undefined ? rule : { ...rule, regex: `^(?:${rule.regex})$` }));

const trustRule = z.strictObject({
  claims: z.array(claimTest).min(1, {
    error: 'must name a claim: otherwise, everyone who can get a token from that issuer gets in',
  }),
  role,
  servers: z.array(settingName).optional(),
  groups: z.array(z.string()).default([]),
});
/** A rule of `TRUSTED_ISSUERS`: the first whose claims all hold decides. `servers`: unset, all servers. */
export type TrustRule = z.infer<typeof trustRule>;

/** Names that mean another way to sign in wherever an issuer's name can be. */
const RESERVED = ['local', 'key', 'skip', 'oidc', 'client'];

export const trustedIssuer = z
  .strictObject({
    name: settingName.refine((name) => !RESERVED.includes(name), {
      error: `must not be one of ${RESERVED.join(', ')}`,
    }),
    title: z.string().min(1).max(60).optional(),
    issuer: issuerUrl,
    audience: z.string().min(1).optional(),
    jwks_uri: httpUrl.optional(),
    jwks: publicKeysSetting.optional(),
    lifetime: secondsSetting.default(600),
    rules: z.array(trustRule).min(1),
  })
  .refine((trusted) => !(trusted.jwks && trusted.jwks_uri), {
    error: 'must have jwks or jwks_uri, not both',
  });
/**
 * An issuer of `TRUSTED_ISSUERS`. `audience`: unset, the gate's own origin. Without `jwks` and `jwks_uri`, its
 * discovery document says where its keys are. `lifetime`: of the access that it gives, in seconds at most.
 */
export type TrustedIssuer = z.infer<typeof trustedIssuer>;
