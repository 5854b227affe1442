import { objectKeyring, readSecret, secretName } from '../../config';
import { writeLog } from '../../log';
import { Accesses } from '../access/access-checks';
import { accountOf } from '../access/find-account';
import { Connections } from '../connections/connections';
import type { Connector } from '../connections/credential';
import { migratableConnections } from '../connections/migratable-connections';
import { ConnectionStore } from '../connections/store';
import { Grants } from '../grants/grants';
import type { Issuer } from '../grants/issuer';
import { GrantStore } from '../grants/store';
import { AccessKeys } from '../keys/access-keys';
import { Merge } from '../merge/merge';
import { type MigratableData, migratableGrants } from '../merge/migratable-data';
import { Disabled } from '../principal/disabled';
import { Profile } from '../principal/profile';
import { ProviderChecks } from '../provider/checks';
import type { ProviderAsker } from '../provider/provider';
import { ProviderVault } from '../provider/vault';
import { SignIns } from '../sign-ins/sign-ins';
import { Outbox } from '../storage/outbox';
import { Watchers } from '../watch/watch';
import { Maintenance } from './maintenance';

/** What an account needs of the layers above it. `src/index.ts` gives it to the account. */
export interface AccountCollaborators {
  /** Issues codes and tokens. */
  issuer: Issuer;
  /** Renews and revokes connections at their providers. */
  connector: Connector;
  /** Asks a sign-in provider again who a person is. */
  askProvider: ProviderAsker;
}

/**
 * What an account consists of: its rows, the rules for them, and what runs after a change. The parts (`account-*.ts`),
 * which other layers call, each take what they need of it.
 */
export interface AccountCore extends AccountCollaborators {
  ctx: DurableObjectState;
  env: Env;
  storage: DurableObjectStorage;
  profile: Profile;
  disabled: Disabled;
  grantStore: GrantStore;
  grants: Grants;
  accessKeys: AccessKeys;
  accesses: Accesses;
  signIns: SignIns;
  connectionStore: ConnectionStore;
  connections: Connections;
  provider: ProviderChecks;
  merge: Merge;
  /** What moves when a visitor is merged into a user. */
  migratable: readonly MigratableData[];
  outbox: Outbox;
  watchers: Watchers;
  maintenance: Maintenance;
}

/** Makes what an account consists of. Its storage has the newest schema. */
export function createCore(
  ctx: DurableObjectState,
  env: Env,
  collaborators: AccountCollaborators,
): AccountCore {
  const { storage } = ctx;
  const { sql } = storage;
  const { issuer, connector, askProvider } = collaborators;
  const profile = new Profile(sql);
  const disabled = new Disabled(storage.kv);
  const userId = () => profile.userId() || (ctx.id.name ?? '');
  const keyring = () => objectKeyring(env);
  const secret = (kind: 'OIDC' | 'SERVER', name: string) =>
    readSecret({ ...env }, secretName(kind, name, 'CLIENT_SECRET'));
  const log = (event: object) => writeLog('log', { ...event, user: userId() });

  const grantStore = new GrantStore(storage, userId);
  const grants = new Grants(grantStore, issuer, userId);
  const accessKeys = new AccessKeys(sql, disabled);
  const accesses = new Accesses(grantStore, accessKeys, profile);
  const signIns = new SignIns(sql);
  const connectionStore = new ConnectionStore(storage, userId);
  const connections = new Connections(connectionStore, {
    userId,
    keyring,
    connector,
    clientSecret: (server) => secret('SERVER', server),
    log,
  });

  const outbox = new Outbox(sql, env.OAUTH_KV);
  const watchers = new Watchers({ ctx, profile, accesses, connectionStore });
  const maintenance = new Maintenance({ storage, outbox, watchers });
  const afterCommit = () => maintenance.afterCommit();
  const provider = new ProviderChecks({
    storage,
    profile,
    grants: grantStore,
    signIns,
    vault: new ProviderVault(storage, userId, keyring),
    ask: askProvider,
    clientSecret: (name) => secret('OIDC', name),
    background: (work) => ctx.waitUntil(work),
    afterCommit,
    log,
  });
  const migratable = [migratableGrants(sql, grantStore), migratableConnections(connectionStore, connections)];
  const merge = new Merge({
    storage,
    profile,
    signIns,
    migratable,
    handOver: (user, from, packed) => accountOf(env, user).adopt(from, packed),
    afterCommit,
  });
  maintenance.watch(grantStore, signIns, accessKeys, provider, merge);

  return {
    ...collaborators,
    ...{ ctx, env, storage, profile, disabled, grantStore, grants, accessKeys, accesses, signIns },
    ...{ connectionStore, connections, provider, merge, migratable, outbox, watchers, maintenance },
  };
}
