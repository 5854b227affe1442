export { adminApi } from './routes';
