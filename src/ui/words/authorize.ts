/** Links that take a person back to the app. */
export const authorizeWords = {
  returnTo: (host: string) => `Return to ${host}`,
  returnToComputer: (host: string) => `Return to the app on this computer (${host})`,
};

/** Error pages for an app’s authorization request. `about`: what is wrong with it. */
export const authorizeProblems = {
  request_invalid: (about: string) => ({
    title: 'The app’s request isn’t valid',
    what: `No access was given. The problem with the link that brought you here: ${about}.`,
    next: 'If you didn’t start this yourself, close this page. Otherwise, return to the app, which gets this error, too. Report it to the app’s developer, and include the reference below.',
  }),
};
