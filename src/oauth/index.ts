export { libraryIssuer } from './protocol/library';
export { authorizationServerMetadata, protectedResourceMetadata } from './protocol/metadata';
export { authorizeRoutes, oauthRoutes } from './routes';
export { deviceRoutes } from './verification/routes';
