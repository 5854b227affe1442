/** The face of `authorization/`: the authorization server. */
export { libraryIssuer } from './library';
export { authorizationServerMetadata, protectedResourceMetadata } from './metadata';
export { authorizeRoutes, oauthRoutes } from './routes';
