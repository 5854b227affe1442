/** The face of `sign-in/`: who is at the browser. */
export { mustFindFlow, showSignIn, signInRoutes } from './routes';
export { currentSignIn, type SignedIn } from './session';
