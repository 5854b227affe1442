/** The face of `gateway/`: the protected endpoint, and what clients read to find it. */
export { gatewayRoutes, metadataRoutes } from './routes';
