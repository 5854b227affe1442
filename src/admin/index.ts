export { adminPages } from './pages/routes';
export { adminApi } from './routes';
