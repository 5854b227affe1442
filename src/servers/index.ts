/**
 * MCP servers that live in this Worker: each a `WorkerEntrypoint` exported here, which `SERVERS` names as
 * `entrypoint`. Nobody reaches one but through the gate, and who is calling is in its `ctx.props`.
 * `examples/clock.ts` is one to copy.
 */
export {};
