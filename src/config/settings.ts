import { z } from 'zod';
import { checkTogether } from './checks';
import { configuredClient } from './clients';
import { host, httpUrl, origin, role, roleRule } from './primitives';
import { audit, documentHost, type Problem, type Settings, signIn, tokens, type Variables } from './schemas';
import { serverSetting } from './servers';
import { trustedIssuer } from './trusted-issuers';

/* Reads the settings. Only this file knows their names (README, "Settings"). */

/** For each setting: its schema, which has the default, and an example of a valid value for the report of a mistake. */
const SETTINGS = {
  PUBLIC_URL: { schema: origin.optional(), fix: 'PUBLIC_URL = "https://mcp.example.com"' },
  HOSTS: {
    schema: z.array(host).default([]),
    fix: 'an array of hosts such as ["gate.internal:8080"], at which the gate can be reached, too',
  },
  NAME: { schema: z.string().max(60).default('Gatehouse'), fix: 'NAME = "Acme"' },
  LOGO: {
    schema: z
      .union([httpUrl, z.string().startsWith('data:image/').max(8192)], {
        error: 'must be an https:// URL, or a data:image/ URI of up to 8,192 characters',
      })
      .optional(),
    fix: 'LOGO = "https://example.com/logo.svg"',
  },
  POLICY_URL: { schema: httpUrl.optional(), fix: 'POLICY_URL = "https://example.com/privacy"' },
  TERMS_URL: { schema: httpUrl.optional(), fix: 'TERMS_URL = "https://example.com/terms"' },
  SUPPORT_URL: { schema: httpUrl.optional(), fix: 'SUPPORT_URL = "https://example.com/support"' },
  SIGN_IN: {
    schema: signIn.default({ oidc: [] }),
    fix: 'a table with oidc = [{ name, issuer, client_id, … }] and, optionally, methods',
  },
  ROLES: {
    schema: z.array(roleRule).default([]),
    fix: 'an array of tables such as { role = "member", provider = "acme", groups = ["staff"] }',
  },
  DEFAULT_ROLE: { schema: role.optional(), fix: 'DEFAULT_ROLE = "member"' },
  CLIENTS: {
    schema: z.array(configuredClient).default([]),
    fix: 'an array of tables with client_id, name, redirect_uris, and, optionally, scope, token_endpoint_auth_method, and grant_types',
  },
  TRUSTED_ISSUERS: {
    schema: z.array(trustedIssuer).default([]),
    fix: 'an array of tables such as { name = "github", issuer = "https://…", rules = [{ claims = [{ claim = "repository", eq = "acme/app" }], role = "member" }] }',
  },
  SERVERS: {
    schema: z.array(serverSetting).default([]),
    fix: 'an array of tables such as { name = "notes", url = "https://notes.example.com/mcp", auth = "identity" }',
  },
  TOKENS: {
    schema: tokens.prefault({}),
    fix: 'a table of seconds, each at least 1, such as { access = 1800, refresh = 2592000 }',
  },
  AUDIT: {
    schema: audit.prefault({}),
    fix: 'a table such as { mode = "strict", retention = 90, ip_addresses = false }',
  },
  UNAUTHENTICATED: {
    schema: z
      .enum(['challenge', 'authorize_tool'], { error: 'must be challenge or authorize_tool' })
      .default('challenge'),
    fix: 'UNAUTHENTICATED = "challenge"',
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

/** Settings whose value is text. The others are tables or arrays, or JSON text of one. */
const TEXT_SETTINGS = new Set([
  'PUBLIC_URL',
  'NAME',
  'LOGO',
  'POLICY_URL',
  'TERMS_URL',
  'SUPPORT_URL',
  'DEFAULT_ROLE',
  'UNAUTHENTICATED',
]);

type SettingValues = { [K in keyof typeof SETTINGS]: z.infer<(typeof SETTINGS)[K]['schema']> };

/** Reads all settings. A setting that has a problem gets its default. */
export function parseSettings(variables: Variables): { settings: Settings; problems: Problem[] } {
  const problems: Problem[] = [];
  const values = {} as SettingValues;
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
    hosts: values.HOSTS,
    name: values.NAME,
    logo: values.LOGO,
    policyUrl: values.POLICY_URL,
    termsUrl: values.TERMS_URL,
    supportUrl: values.SUPPORT_URL,
    signIn: { methods: values.SIGN_IN.methods, oidc: withRuleClaims(values) },
    roles: values.ROLES,
    defaultRole: values.DEFAULT_ROLE,
    clients: values.CLIENTS,
    trustedIssuers: values.TRUSTED_ISSUERS,
    servers: values.SERVERS,
    tokens: values.TOKENS,
    audit: values.AUDIT,
    unauthenticated: values.UNAUTHENTICATED,
    origins: values.ORIGINS,
    clientDocumentHosts: values.CLIENT_DOCUMENT_HOSTS,
  };
  return { settings, problems: [...problems, ...checkTogether(settings, variables)] };
}

/** Each provider with the claims that its rules ask for: what has to be kept of those who sign in. */
function withRuleClaims({ SIGN_IN, ROLES, SERVERS }: Pick<SettingValues, 'SIGN_IN' | 'ROLES' | 'SERVERS'>) {
  const rules = [...ROLES, ...SERVERS.flatMap(({ roles }) => roles)];
  return SIGN_IN.oidc.map((provider) => {
    const own = rules.filter((rule) => rule.provider === provider.name);
    const names = [...new Set(own.flatMap(({ claims = {} }) => Object.keys(claims)))];
    return names.length === 0 ? provider : { ...provider, rule_claims: names };
  });
}

/** The settings in effect, by the names that `wrangler.toml` has for them. */
export function describeSettings(settings: Settings): Record<keyof typeof SETTINGS, unknown> {
  return {
    PUBLIC_URL: settings.publicUrl,
    HOSTS: settings.hosts,
    NAME: settings.name,
    LOGO: settings.logo,
    POLICY_URL: settings.policyUrl,
    TERMS_URL: settings.termsUrl,
    SUPPORT_URL: settings.supportUrl,
    SIGN_IN: settings.signIn,
    ROLES: settings.roles,
    DEFAULT_ROLE: settings.defaultRole,
    CLIENTS: settings.clients,
    TRUSTED_ISSUERS: settings.trustedIssuers,
    SERVERS: settings.servers,
    TOKENS: settings.tokens,
    AUDIT: settings.audit,
    UNAUTHENTICATED: settings.unauthenticated,
    ORIGINS: settings.origins,
    CLIENT_DOCUMENT_HOSTS: settings.clientDocumentHosts,
  };
}

/** A variable's value, with JSON text parsed; undefined if it is unset or empty. */
function readVariable(setting: string, value: unknown): { value?: unknown; problem?: string } {
  if (value === undefined || value === null || value === '') return {};
  if (TEXT_SETTINGS.has(setting) || typeof value !== 'string') return { value };
  try {
    return { value: JSON.parse(value) };
  } catch {
    return { problem: 'it is text that isn’t valid JSON' };
  }
}

function settingPath(setting: string, path: PropertyKey[]): string {
  return path.reduce<string>(
    (name, step) => (typeof step === 'number' ? `${name}[${step}]` : `${name}.${String(step)}`),
    setting,
  );
}

/** Describes a mistake. A table's value is left out, since somebody may have put a secret in it by mistake. */
function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const value = issue.path.reduce<unknown>(
    (at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
    root,
  );
  if (value === undefined) return `it is missing: ${issue.message}`;
  if (typeof value === 'object') return issue.message;
  return `it is ${JSON.stringify(value).slice(0, 120)}: ${issue.message}`;
}

/** The title that people see for a server, provider, or issuer; its name if it has no title. */
export function titleOf({ title, name }: { title?: string | undefined; name: string }): string {
  return title ?? name;
}
