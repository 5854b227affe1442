import { z } from 'zod';
import { checkTogether } from './config-checks';
import {
  httpUrl,
  isLoopbackHost,
  method,
  origin,
  type Role,
  role,
  type SignInMethod,
  seconds,
  settingName,
} from './config-primitives';
import { type ServerSetting, serverSetting } from './config-servers';

export { readSecret, secretName } from './config-checks';
export { isLoopbackHost, ROLES, type Role, SIGN_IN_METHODS, type SignInMethod } from './config-primitives';
export type { ClaimRule, ServerSetting, ToolRule } from './config-servers';

/**
 * The settings (README, "Settings"): read from the Worker's variables once per isolate, each a TOML table
 * or the same as JSON text, validated here and nowhere else. What is wrong becomes a {@link Problem}, and
 * the Worker refuses to serve what needs it.
 */
export interface Settings {
  /** The origin that clients see; undefined: the request's own. */
  publicUrl: string | undefined;
  name: string;
  logo: string | undefined;
  policyUrl: string | undefined;
  termsUrl: string | undefined;
  supportUrl: string | undefined;
  signIn: { methods: SignInMethod[] | undefined; oidc: OidcProvider[] };
  roles: RoleRule[];
  defaultRole: Role | undefined;
  clients: ConfiguredClient[];
  servers: ServerSetting[];
  tokens: Tokens;
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

const oidcProvider = z.strictObject({
  name: settingName.refine((name) => !['local', 'key', 'skip'].includes(name), {
    error: 'must not be the name of another way to sign in',
  }),
  title: z.string().min(1).optional(),
  issuer: httpUrl,
  client_id: z.string().min(1),
  scopes: z
    .string()
    .refine((scopes) => scopes.split(' ').includes('openid'), { error: 'must have openid among them' })
    .default('openid profile email'),
  groups_claim: z.string().default('groups'),
  domains: z.array(z.string().toLowerCase()).default([]),
  recheck: seconds.default(43_200),
  max_age: seconds.default(2_592_000),
});
/** A sign-in provider of `SIGN_IN.oidc`. `domains`: addresses of these must come in here and nowhere else. */
export type OidcProvider = z.infer<typeof oidcProvider>;

const roleRule = z
  .strictObject({
    role,
    groups: z.array(z.string()).optional(),
    emails: z.array(z.string()).optional(),
    users: z.array(z.string()).optional(),
    provider: z.string().optional(),
    methods: z.array(method).optional(),
  })
  .refine((rule) => rule.groups ?? rule.emails ?? rule.users ?? rule.methods, {
    error: 'must name whom it is for: groups, emails, users or methods',
  })
  .refine((rule) => !(rule.groups ?? rule.emails ?? rule.users) || rule.provider || rule.methods, {
    error: 'must name the provider whose groups, emails or users it means',
  });
/** One rule of `ROLES`; a user has the highest role that a rule gives. */
export type RoleRule = z.infer<typeof roleRule>;

const configuredClient = z.strictObject({
  client_id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, {
    error: 'must be 1 to 64 of A-Z, a-z, 0-9, ., _ and -',
  }),
  name: z.string().min(1).max(100),
  redirect_uris: z.array(z.string()).min(1),
  scope: z.string().optional(),
  token_endpoint_auth_method: z.enum(['none', 'client_secret_basic', 'client_secret_post']).default('none'),
});
/** A client of `CLIENTS`, which needn't register. `scope`: the most it gets. */
export type ConfiguredClient = z.infer<typeof configuredClient>;

const tokens = z.strictObject({
  access: seconds.default(1800),
  refresh: seconds.default(2_592_000),
  grant: seconds.default(31_536_000),
  code: seconds.default(300),
  request: seconds.default(300),
  flow: seconds.default(900),
  grace: seconds.default(120),
  sign_in: seconds.default(43_200),
  session: seconds.default(86_400),
  on_replay: z.enum(['revoke', 'refuse']).default('revoke'),
});
/** `TOKENS`: lifetimes in seconds, and what a replayed refresh token costs. */
export type Tokens = z.infer<typeof tokens>;

const signIn = z.strictObject({
  methods: z.array(method).min(1).optional(),
  oidc: z.array(oidcProvider).default([]),
});

const documentHost = z.string().refine((text) => isLoopbackHost(text.replace(/:\d+$/, '')), {
  error: 'must be a loopback host with its port, such as localhost:8443',
});

/** One row a setting: how it is read, what it is without one, and what to write instead of a mistake. */
const SETTINGS = {
  PUBLIC_URL: { schema: origin.optional(), fix: 'PUBLIC_URL = "https://mcp.example.com"' },
  NAME: { schema: z.string().max(60).default('Gatehouse'), fix: 'NAME = "Acme"' },
  LOGO: {
    schema: z.union([httpUrl, z.string().startsWith('data:image/').max(8192)]).optional(),
    fix: 'LOGO = "https://example.com/logo.svg"',
  },
  POLICY_URL: { schema: httpUrl.optional(), fix: 'POLICY_URL = "https://example.com/privacy"' },
  TERMS_URL: { schema: httpUrl.optional(), fix: 'TERMS_URL = "https://example.com/terms"' },
  SUPPORT_URL: { schema: httpUrl.optional(), fix: 'SUPPORT_URL = "https://example.com/support"' },
  SIGN_IN: {
    schema: signIn.default({ oidc: [] }),
    fix: 'a table with oidc = [{ name, issuer, client_id, … }] and, if not all are wanted, methods',
  },
  ROLES: {
    schema: z.array(roleRule).default([]),
    fix: 'an array of tables such as { role = "member", provider = "acme", groups = ["staff"] }',
  },
  DEFAULT_ROLE: { schema: role.optional(), fix: 'DEFAULT_ROLE = "member"' },
  CLIENTS: {
    schema: z.array(configuredClient).default([]),
    fix: 'an array of tables with client_id, name, redirect_uris and, by choice, scope and token_endpoint_auth_method',
  },
  SERVERS: {
    schema: z.array(serverSetting).default([]),
    fix: 'an array of tables such as { name = "notes", url = "https://notes.example.com/mcp", auth = "identity" }',
  },
  TOKENS: {
    schema: tokens.prefault({}),
    fix: 'a table of seconds, each at least 1, such as { access = 1800, refresh = 2592000 }',
  },
  ORIGINS: {
    schema: z.array(origin).optional(),
    fix: 'an array of origins such as ["https://app.example.com"]',
  },
  CLIENT_DOCUMENT_HOSTS: {
    schema: z.array(documentHost).default([]),
    fix: 'an array of loopback hosts such as ["localhost:8443"], for local development only',
  },
} as const;

/** Settings whose value is text; the others are tables or arrays, or JSON text of one. */
const TEXT_SETTINGS = new Set([
  'PUBLIC_URL',
  'NAME',
  'LOGO',
  'POLICY_URL',
  'TERMS_URL',
  'SUPPORT_URL',
  'DEFAULT_ROLE',
]);

/** Variables as the Worker gets them: text, or what a TOML table became. */
export type Variables = Record<string, unknown>;

/** Reads all settings. With problems, the settings named in them are as if unset. */
export function parseSettings(variables: Variables): { settings: Settings; problems: Problem[] } {
  const problems: Problem[] = [];
  const values = {} as { [K in keyof typeof SETTINGS]: z.infer<(typeof SETTINGS)[K]['schema']> };
  for (const [setting, { schema, fix }] of Object.entries(SETTINGS)) {
    const read = readVariable(setting, variables[setting]);
    const parsed = read.problem === undefined ? schema.safeParse(read.value) : undefined;
    if (read.problem !== undefined) problems.push({ setting, problem: read.problem, fix });
    for (const issue of parsed?.error?.issues ?? []) {
      problems.push({ setting: settingPath(setting, issue.path), problem: describe(issue, read.value), fix });
    }
    Object.assign(values, { [setting]: parsed?.success ? parsed.data : schema.parse(undefined) });
  }
  const settings: Settings = {
    publicUrl: values.PUBLIC_URL,
    name: values.NAME,
    logo: values.LOGO,
    policyUrl: values.POLICY_URL,
    termsUrl: values.TERMS_URL,
    supportUrl: values.SUPPORT_URL,
    signIn: { methods: values.SIGN_IN.methods, oidc: values.SIGN_IN.oidc },
    roles: values.ROLES,
    defaultRole: values.DEFAULT_ROLE,
    clients: values.CLIENTS,
    servers: values.SERVERS,
    tokens: values.TOKENS,
    origins: values.ORIGINS,
    clientDocumentHosts: values.CLIENT_DOCUMENT_HOSTS,
  };
  return { settings, problems: [...problems, ...checkTogether(settings, variables)] };
}

/** A variable's value; text of a table or array setting is JSON; unset and empty are undefined. */
function readVariable(setting: string, value: unknown): { value?: unknown; problem?: string } {
  if (value === undefined || value === null || value === '') return {};
  if (TEXT_SETTINGS.has(setting) || typeof value !== 'string') return { value };
  try {
    return { value: JSON.parse(value) };
  } catch {
    return { problem: 'is text that is not JSON' };
  }
}

function settingPath(setting: string, path: PropertyKey[]): string {
  return path.reduce<string>(
    (name, step) => (typeof step === 'number' ? `${name}[${step}]` : `${name}.${String(step)}`),
    setting,
  );
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const value = issue.path.reduce<unknown>(
    (at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
    root,
  );
  const shown = value === undefined ? 'it is missing' : `it is ${JSON.stringify(value)?.slice(0, 120)}`;
  return `${shown}: ${issue.message}`;
}
