/* What a page says when something was too much; `words.ts` holds it with all others. */

export const limitProblems = {
  too_many_requests: {
    title: 'Too many requests',
    what: 'Your network sent more requests within a minute than we accept.',
    next: 'Wait a minute, then go back and try again. If you see this often, tell whoever runs this page.',
  },
  visitors_full: {
    title: 'Too many visitors',
    what: 'As many people as we accept without a sign-in have come from your network.',
    next: 'Sign in if you can, or try again in an hour.',
  },
};
