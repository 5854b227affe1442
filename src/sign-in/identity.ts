export type { Identity } from '../account';
