import { objectKeyring, readSecret, secretName } from '../../config';
import { writeLog } from '../../log';
import type { GrantStore } from '../grants/store';
import type { Profile } from '../principal/profile';
import type { SignIns } from '../sign-ins/sign-ins';
import { ProviderChecks } from './checks';
import type { ProviderAsker } from './provider';
import { ProviderVault } from './vault';

/** The rooms of an `Account` that its sign-in provider's answers change. */
interface Rooms {
  ctx: DurableObjectState;
  env: Env;
  ask: ProviderAsker;
  profile: Profile;
  grants: GrantStore;
  signIns: SignIns;
  schedule: () => Promise<void>;
}

/** The questions of an `Account` to its sign-in provider. */
export function providerChecks({ ctx, env, ...rooms }: Rooms): ProviderChecks {
  const { storage } = ctx;
  const userId = () => rooms.profile.userId();
  return new ProviderChecks({
    ...rooms,
    storage,
    vault: new ProviderVault(storage, userId, () => objectKeyring(env)),
    clientSecret: (provider) => readSecret({ ...env }, secretName('OIDC', provider, 'CLIENT_SECRET')),
    background: (work) => ctx.waitUntil(work),
    log: (event) => writeLog('log', { ...event, user: userId() }),
  });
}
