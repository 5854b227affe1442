/** The face of `connections/`: being a client of the servers behind, with each user's own account there. */
export { connectionPages } from './account-routes';
export { connectionsApi } from './api';
export { checkKey, type KeyRefusal, type TryCredential } from './api-key';
export { listCallbacks } from './callback';
export { type ReadChallenge, readChallenges } from './challenge';
export { type ConnectionStatus, connectionsNeeded, type NeededConnection } from './needed';
export { type BeginRefusal, beginConnect } from './oauth';
export { takeOutcome } from './outcome';
export { type ConnectedServer, needsConnection, placeOf, wantedAt } from './place';
export { connectNotice } from './problems';
export { oauthConnector } from './provider';
export { rewrapConnections } from './rewrap';
export { connectRoutes } from './routes';
export { type Service, ServiceList, serviceOf } from './service-list';
export { stagedServers, stageObtained, submitAndAdopt } from './staged';
export { connectLink } from './ticket';
