export { blockClient, blockedClients, unblockClient } from './clients/blocked';
export { libraryIssuer } from './protocol/library';
export { authorizationServerMetadata, protectedResourceMetadata } from './protocol/metadata';
export { authorizePages, oauthEndpoints } from './routes';
export { devicePages } from './verification/routes';
