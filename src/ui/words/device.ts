import { say } from './sentence';

/* Words about devices that have no browser of their own; `words.ts` holds them with all others. */

/** On the consent page. */
export const deviceConsent = {
  device: 'the device that shows the code below',
  askedFrom: 'Asked from',
  unknownPlace: 'an address that we don’t know',
  elsewhere: 'Not the network that you are on now.',
  compareTitle: 'Compare the code.',
  compare: (client: string) =>
    say`Allow only if a device in front of you shows this very code, and you started ${client} there yourself. If somebody sent you the code or a link, choose Cancel: else they get access as you.`,
};

/** On the pages of `/device`. */
export const device = {
  title: 'Connect a device',
  lead: 'Type the code that your device shows.',
  compareTitle: 'Does your device show this code?',
  compareLead: (code: string) =>
    say`Go on only if a device in front of you shows ${code}. If somebody sent you this link, close the page.`,
  code: 'Code',
  submit: 'Continue',
  wrong: 'That is not a code that waits here. Look at your device again: codes end after a few minutes.',
  tooMany:
    'Too many wrong codes were typed. Wait a quarter of an hour, or open the link that your device shows.',
  phone: 'Go on with your phone',
  qr: 'QR code of this page’s address',
  as: (name: string) => say`You are signed in as ${name}.`,
  allowed: 'Your device is connected',
  allowedText: (client: string) =>
    `${client} has what you allowed. You can close this page and go back to it.`,
  denied: 'Your device was not connected',
  deniedText: (client: string) => `${client} gets nothing, and you can close this page.`,
};
