/** The face of `gateway/`: the protected endpoint, and what clients read to find it. */
export { refuseForms } from './request/browser-request';
export { oneCredential } from './request/credential-placement';
export { guardSettings, health, readSettings } from './request/health';
export { refuseForeignHost } from './request/host';
export { refuseForeignOrigin } from './request/origins';
export { gatewayRoutes, metadataRoutes } from './routes';
export { McpSessionObject } from './session/object';
