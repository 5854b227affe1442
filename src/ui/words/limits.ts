/** Error pages for too much of something. */
export const limitProblems = {
  too_many_requests: {
    title: 'Too many requests',
    what: 'Your network sent more requests in one minute than we accept.',
    next: 'Wait a minute, then go back and try again. If this happens often, contact your administrator.',
  },
  visitors_full: {
    title: 'Too many visitors',
    what: 'Too many people on your network are using this site without signing in.',
    next: 'Sign in if you can, or try again in an hour.',
  },
};
