/** The gate's own name and version, for MCP clients and servers (`Implementation`). */
export const SOFTWARE = { name: 'gatehouse', version: '0.1.0' };
