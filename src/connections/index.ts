export { checkKey } from './client/api-key';
export { listCallbacks } from './client/callback';
export {
  type ConnectionStatus,
  connectionsNeeded,
  type NeededConnection,
  orphansOf,
  statusesOf,
} from './client/needed';
export { beginConnect } from './client/oauth';
export { takeOutcome } from './client/outcome';
export { oauthConnector } from './client/provider';
export { rewrapConnections } from './client/rewrap';
export { stageObtained, submitAndAdopt } from './client/staged';
export { connectLink } from './client/ticket';
export { isWithinKey, serversOfSignIn } from './client/within-key';
export { type ReadChallenge, readChallenges } from './discovery/challenge';
export { AccountList, type ConnectableAccount, connectableAccountOf } from './pages/account-list';
export type { ConnectFlow } from './pages/person';
export { connectNotice } from './pages/problems';
export { clientDocumentRoutes, connectPages } from './pages/routes';
