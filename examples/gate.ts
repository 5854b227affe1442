/** The gate as it is, and a server that lives in the same Worker: `SERVERS` names it as `entrypoint = "Clock"`. */
export * from '../src/index';
export { default } from '../src/index';
export { Clock } from './clock';
