export { checkDomain } from './domains';
export { readFlowForm } from './flow-form';
export { stateFlowId } from './oidc';
export { askAgain } from './oidc-again';
export { receiveFormPost, signOutAction } from './oidc-routes';
export { signInPages, signOutPages } from './routes';
export { currentSignIn, type SignedIn } from './session';
export { showSignIn } from './show-sign-in';
export { keepVisitor, knownVisitor } from './visitor';
