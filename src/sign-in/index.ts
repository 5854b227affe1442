/** The face of `sign-in/`: who is at the browser. */
export { checkDomain } from './domains';
export { requireFlow } from './flow-form';
export { stateFlowId } from './oidc';
export { askAgain } from './oidc-again';
export { showSignIn, signInPages, signOutPages } from './routes';
export { currentSignIn, type SignedIn } from './session';
export { keepVisitor, knownVisitor } from './visitor';
