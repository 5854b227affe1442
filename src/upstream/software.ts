/** The gate, as MCP peers are told of it. */
export const SOFTWARE = { name: 'gatehouse', version: '0.1.0' };
