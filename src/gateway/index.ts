/** The face of `gateway/`: the protected endpoint, and what clients read to find it. */
export { oneCredential } from './credentials';
export { guardSettings, health } from './health';
export { gatewayRoutes, metadataRoutes } from './routes';
export { McpSessionObject } from './session/object';
export { surveyTools } from './survey';
export { tryCredential } from './try-credential';
