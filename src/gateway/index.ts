export { isPageVisit } from './request/browser-request';
export { guardSettings, health, readSettings } from './request/health';
export { refuseForeignHost } from './request/host';
export { refuseForeignOrigin } from './request/origins';
export { mcpRoutes, metadataRoutes, originRoutes } from './routes';
export { McpSessionObject } from './session/object';
