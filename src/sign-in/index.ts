/** The face of `sign-in/`: who is at the browser. */

export { stateFlowId } from './oidc';
export { mustFindFlow, showSignIn, signInRoutes } from './routes';
export { currentSignIn, type SignedIn } from './session';
