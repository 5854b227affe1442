/** The gate, with a server in the same Worker, which `SERVERS` names as `entrypoint = "Clock"`. */
export * from '../src/index';
export { default } from '../src/index';
export { Clock } from './clock';
