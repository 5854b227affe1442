/** Every text that a person reads on a page, and how values from outside get into it. */
export { initialOf, plain, Say, say, shown } from './sentence';
export { words } from './words';
