/** The face of `authorization/`: the authorization server. */

export { type ServerTools } from '../gateway/survey';
export type { Person } from './authorize';
export { type SurveyTools } from './consent/consent';
export { deviceRoutes } from './device/routes';
export { libraryIssuer } from './library';
export { authorizationServerMetadata, protectedResourceMetadata } from './metadata';
export { authorizeRoutes, oauthRoutes } from './routes';
