import { seconds } from '../../clock';
import type { MigratableData } from '../merge/migratable-data';
import type { Connections, Obtained } from './connections';
import type { ConnectionStore } from './store';

/**
 * Connections move along with a visitor who signs in: opened for the way from object to object, sealed anew for
 * the user. What the user has connected already stays; what can't be opened is lost with the visitor.
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
