import { sameIssuer } from '../issuer';
import type { Problem, Settings, Variables } from './schemas';

/* Checks across settings: that the names, secrets, and bindings that they mention exist and don't collide. */

/** The name of a Worker secret, such as `OIDC_ACME_CLIENT_SECRET`: upper case, with `_` for other characters. */
export function secretName(prefix: string, name: string, suffix: string): string {
  return `${prefix}_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_${suffix}`;
}

/** The value of a secret ({@link secretName}); undefined if it is unset or empty. */
export function readSecret(variables: Variables, name: string): string | undefined {
  const value = variables[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The problems that show only when settings and secrets are checked together. */
export function checkTogether(settings: Settings, variables: Variables): Problem[] {
  return [
    ...sharedSecrets(settings),
    ...unknownProviders(settings),
    ...clientsWithoutSecret(settings, variables),
    ...providersWithoutSecret(settings, variables),
    ...checkServiceAccounts(settings),
    ...settings.servers.flatMap((server, index) => checkServer(server, `SERVERS[${index}]`, variables)),
  ];
}

/** Clients, providers, or servers whose secrets would have the same name. */
function sharedSecrets({ signIn, clients, servers }: Settings): Problem[] {
  const owners = [
    ...signIn.oidc.map(({ name }, i) => [
      `SIGN_IN.oidc[${i}]`,
      name,
      secretName('OIDC', name, 'CLIENT_SECRET'),
    ]),
    ...clients.map(({ client_id: id }, i) => [`CLIENTS[${i}]`, id, secretName('CLIENT', id, 'SECRET')]),
    ...servers.flatMap(({ name }, i) => [
      [`SERVERS[${i}]`, name, secretName('SERVER', name, 'SECRET')],
      [`SERVERS[${i}]`, name, secretName('SERVER', name, 'CLIENT_SECRET')],
    ]),
  ] as [string, string, string][];
  return owners.flatMap(([setting, name, secret], index) => {
    const twin = owners.slice(0, index).find((other) => other[2] === secret);
    if (!twin) return [];
    const problem = `"${name}" and "${twin[1]}" would share the secret ${secret}`;
    return [{ setting, problem, fix: 'rename one of them' }];
  });
}

function unknownProviders({ signIn, roles, servers }: Settings): Problem[] {
  const known = [...signIn.oidc.map((provider) => provider.name), 'local'];
  const lists = [
    { setting: 'ROLES', rules: roles },
    ...servers.map((server, index) => ({ setting: `SERVERS[${index}].roles`, rules: server.roles })),
  ];
  const all = lists.flatMap(({ setting, rules }) =>
    rules.map(({ provider }, index) => ({ setting: `${setting}[${index}].provider`, provider })),
  );
  const problems = all.flatMap(({ setting, provider }) => {
    if (provider === undefined || known.includes(provider)) return [];
    const problem = `"${provider}" isn’t a provider in SIGN_IN.oidc`;
    return [{ setting, problem, fix: `use one of ${known.join(', ')}` }];
  });
  if (!signIn.methods?.includes('oidc') || signIn.oidc.length > 0) return problems;
  const problem = 'SIGN_IN.methods includes oidc, but SIGN_IN.oidc has no provider';
  const fix = 'oidc = [{ name = "acme", issuer = "https://…", client_id = "…" }]';
  return [...problems, { setting: 'SIGN_IN.oidc', problem, fix }];
}

function clientsWithoutSecret({ clients }: Settings, variables: Variables): Problem[] {
  return clients.flatMap(({ client_id, token_endpoint_auth_method: method }) => {
    const setting = secretName('CLIENT', client_id, 'SECRET');
    if (!method.startsWith('client_secret_') || readSecret(variables, setting)) return [];
    const problem = `"${client_id}" of CLIENTS uses ${method}, but its secret isn’t set`;
    return [{ setting, problem, fix: `npx wrangler secret put ${setting}` }];
  });
}

/** A provider whose setting says that the gate has a secret there. Without the setting, no secret means a public client. */
function providersWithoutSecret({ signIn }: Settings, variables: Variables): Problem[] {
  return signIn.oidc.flatMap(({ name, token_endpoint_auth_method: method }) => {
    const setting = secretName('OIDC', name, 'CLIENT_SECRET');
    if (!method?.startsWith('client_secret_') || readSecret(variables, setting)) return [];
    const problem = `"${name}" of SIGN_IN.oidc uses ${method}, but its secret isn’t set`;
    return [{ setting, problem, fix: `npx wrangler secret put ${setting}` }];
  });
}

/** The servers that `TRUSTED_ISSUERS` and `CLIENTS` name must exist, and the names of issuers must be unique. */
function checkServiceAccounts({ signIn, clients, servers, trustedIssuers }: Settings): Problem[] {
  const problems: Problem[] = [];
  const known = servers.map(({ name }) => name);
  const lists = [
    ...clients.map((client, index) => ({ setting: `CLIENTS[${index}].servers`, names: client.servers })),
    ...trustedIssuers.flatMap(({ rules }, index) =>
      rules.map((rule, at) => ({
        setting: `TRUSTED_ISSUERS[${index}].rules[${at}].servers`,
        names: rule.servers,
      })),
    ),
  ];
  for (const { setting, names = [] } of lists) {
    for (const name of names.filter((one) => !known.includes(one))) {
      const problem = `"${name}" isn’t a server in SERVERS`;
      problems.push({
        setting,
        problem,
        fix: known.length > 0 ? `use any of ${known.join(', ')}` : 'remove it',
      });
    }
  }
  const taken = signIn.oidc.map(({ name }) => name);
  for (const [index, { name, issuer }] of trustedIssuers.entries()) {
    const others = trustedIssuers.slice(0, index);
    if (taken.includes(name) || others.some((other) => other.name === name)) {
      const problem = `"${name}" is already the name of another issuer`;
      problems.push({
        setting: `TRUSTED_ISSUERS[${index}].name`,
        problem,
        fix: 'rename one of them',
      });
    }
    if (others.some((other) => sameIssuer(other.issuer, issuer))) {
      const problem = `"${issuer}" is listed twice`;
      problems.push({
        setting: `TRUSTED_ISSUERS[${index}].issuer`,
        problem,
        fix: 'combine its rules in one table',
      });
    }
  }
  return problems;
}

function checkServer(server: Settings['servers'][number], setting: string, variables: Variables): Problem[] {
  const problems: Problem[] = [];
  const secret = secretName('SERVER', server.name, 'SECRET');
  const hasSecret = readSecret(variables, secret) !== undefined;
  if (server.auth === 'static' && !hasSecret) {
    const problem = `"${server.name}" has auth static, but its secret isn’t set`;
    problems.push({ setting: secret, problem, fix: `npx wrangler secret put ${secret}` });
  }
  if (server.binding !== undefined && !hasFetch(variables[server.binding])) {
    problems.push({
      setting: `${setting}.binding`,
      problem: `"${server.binding}" isn’t a service binding of this Worker`,
      fix: `[[services]] with binding = "${server.binding}" and service = "…" in wrangler.toml`,
    });
  }
  if (server.auth === 'passthrough' && !server.authorization_servers && !hasSecret) {
    problems.push({
      setting: `${setting}.authorization_servers`,
      problem: `"${server.name}" has auth passthrough, but nothing says who issues its tokens`,
      fix: `authorization_servers = ["https://…"], or for a fixed token: npx wrangler secret put ${secret}`,
    });
  }
  return problems;
}

function hasFetch(value: unknown): boolean {
  return typeof (value as { fetch?: unknown } | undefined)?.fetch === 'function';
}
