export { record } from './record';
