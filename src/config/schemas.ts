import { z } from 'zod';
import { isLoopbackHost } from '../hosts';
import type { ConfiguredClient } from './clients';
import { type OidcProvider, oidcProvider } from './identity-providers';
import { method, type Role, type RoleRule, type SignInMethod, secondsSetting } from './primitives';
import type { ServerSetting } from './servers';
import type { TrustedIssuer } from './trusted-issuers';

/** Variables as the Worker gets them: text, or the value of a TOML table. */
export type Variables = Record<string, unknown>;

/**
 * The settings (README, "Settings"): read from the Worker's variables once per isolate, each a TOML table or the same
 * as JSON text, and validated only in this folder. A mistake becomes a {@link Problem}, and the Worker then serves
 * nothing but the list of problems.
 */
export interface Settings {
  /** The origin that clients see; undefined: the request's own. */
  publicUrl: string | undefined;
  /** With `PUBLIC_URL`: other hosts (`host` or `host:port`) that requests may come to. */
  hosts: string[];
  name: string;
  logo: string | undefined;
  policyUrl: string | undefined;
  termsUrl: string | undefined;
  supportUrl: string | undefined;
  signIn: { methods: SignInMethod[] | undefined; oidc: OidcProvider[] };
  roles: RoleRule[];
  defaultRole: Role | undefined;
  clients: ConfiguredClient[];
  trustedIssuers: TrustedIssuer[];
  servers: ServerSetting[];
  tokens: Tokens;
  audit: Audit;
  /** The answer to a request without a credential: a challenge, or (2025 era) a session with one tool, `authorize`. */
  unauthenticated: 'challenge' | 'authorize_tool';
  /** Origins of web pages that may call `/mcp…`; undefined: own, loopback, known vendors. */
  origins: string[] | undefined;
  /** `host:port` on loopback from which client metadata documents may come: for local development. */
  clientDocumentHosts: string[];
}

/** A mistake in a setting, as `/health` shows it. Never holds a secret's value. */
export interface Problem {
  setting: string;
  problem: string;
  fix: string;
}

export const tokens = z.strictObject({
  access: secondsSetting.default(1800),
  refresh: secondsSetting.default(2_592_000),
  grant: secondsSetting.default(31_536_000),
  code: secondsSetting.default(300),
  request: secondsSetting.default(300),
  flow: secondsSetting.default(900),
  grace: secondsSetting.default(120),
  sign_in: secondsSetting.default(43_200),
  session: secondsSetting.default(86_400),
  on_replay: z.enum(['revoke', 'refuse']).default('revoke'),
});
/** `TOKENS`: lifetimes in seconds, and what happens when a refresh token is replayed. */
export type Tokens = z.infer<typeof tokens>;

export const audit = z.strictObject({
  mode: z.enum(['background', 'strict'], { error: 'must be background or strict' }).default('background'),
  retention: z.int().min(1, { error: 'must be a whole number of days, at least 1' }).max(3_650).default(90),
  ip_addresses: z.boolean().default(false),
});
/**
 * `AUDIT`: whether a tool call waits until it is in the trail (`strict`), for how many days the trail is kept, and
 * whether it has the addresses that requests come from.
 */
export type Audit = z.infer<typeof audit>;

export const signIn = z.strictObject({
  methods: z.array(method).min(1).optional(),
  oidc: z.array(oidcProvider).default([]),
});

export const documentHost = z.string().refine((text) => isLoopbackHost(text.replace(/:\d+$/, '')), {
  error: 'must be a loopback host and port, such as localhost:8443',
});
