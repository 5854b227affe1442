/** The face of `gateway/`: the protected endpoint, and what clients read to find it. */
export { refuseForms } from './browser-request';
export { oneCredential } from './credentials';
export { guardSettings, health, readSettings } from './health';
export { refuseForeignHost } from './host';
export { refuseForeignOrigin } from './origins';
export { gatewayRoutes, metadataRoutes } from './routes';
export { McpSessionObject } from './session/object';
export { surveyTools } from './survey';
export { tryCredential } from './try-credential';
