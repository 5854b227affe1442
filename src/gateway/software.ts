import { version } from '../../package.json';

/** The gate, as MCP peers are told of it. */
export const SOFTWARE = { name: 'gatehouse', version };
