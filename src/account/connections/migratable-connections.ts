import { seconds } from '../../clock';
import type { MigratableData } from '../merge/migratable-data';
import type { Connections, Obtained } from './connections';
import type { ConnectionStore } from './store';

/**
 * The connections of a visitor who is merged into a user: decrypted for the way between the objects, and encrypted
 * again for the user. Connections that the user already has stay. What can't be decrypted is lost.
 */
export function migratableConnections(store: ConnectionStore, connections: Connections): MigratableData {
  return {
    name: 'connections',
    names: () => store.list().map(({ server }) => server),
    pack: () => connections.openAll(),
    prepare: async (packed) => {
      const own = new Set(store.list().map(({ server }) => server));
      const news = ((packed ?? []) as Obtained[]).filter(({ credential }) => !own.has(credential.server));
      const sealed = await connections.sealAll(news);
      return () => store.connect(sealed, seconds());
    },
    drop: () => store.clear(),
  };
}
