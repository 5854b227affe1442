import { authorizeToolWords, keyWords, visitorWords } from './access';
import { ownWords } from './activity';
import { adminWords } from './admin';
import { authorizeWords } from './authorize';
import { connectAppWords } from './connect-app';
import { accountWords, connectionWords, serviceWords } from './connections';
import { consentWords } from './consent';
import { device } from './device';
import { locale } from './locale';
import { problems } from './problems';
import { signInWords } from './sign-in';

/** Every word that a person reads on a page. A translation changes the files of this folder and nothing else. */
export const words = {
  lang: locale,
  dir: 'ltr' as 'ltr' | 'rtl',

  footer: { policy: 'Privacy', terms: 'Terms', support: 'Help' },
  problem: { next: 'What to do', requestId: 'Reference for support:' },

  authorizeTool: authorizeToolWords,
  authorize: authorizeWords,
  signIn: signInWords,
  visitor: visitorWords,
  keys: keyWords,
  consent: consentWords,
  device,
  connect: connectAppWords,
  connection: connectionWords,
  services: serviceWords,
  account: accountWords,
  own: ownWords,
  admin: adminWords,
  problems,
};
