/** The gate as it is, and a server that lives in the same Worker: `SERVERS` names it as `entrypoint = "Clock"`. */
export { Account, default, PendingFlow } from '../src/index';
export { Clock } from './clock';
