/** The face of `authorization/`: the authorization server. */
export type { Person } from './authorize';
export type { ServerTools, SurveyTools } from './consent/consent';
export { deviceRoutes } from './device/routes';
export { libraryIssuer } from './library';
export { authorizationServerMetadata, protectedResourceMetadata } from './metadata';
export { authorizeRoutes, oauthRoutes } from './routes';
