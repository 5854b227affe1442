import { say } from './sentence';

/* Devices that have no browser of their own (RFC 8628). */

/** On the consent page. */
export const deviceConsent = {
  device: 'the device that shows the code below',
  askedFrom: 'Requested from',
  unknownPlace: 'an unknown address',
  elsewhere: 'This isn’t the network that you’re on now.',
  compareTitle: 'Compare the code.',
  compare: (client: string) =>
    say`Allow this only if a device in front of you shows this exact code and you started ${client} there yourself. If someone sent you the code or a link, choose Cancel. Otherwise, they get access as you.`,
};

/** On the pages of `/device`. */
export const device = {
  title: 'Connect a device',
  lead: 'Enter the code that your device shows.',
  compareTitle: 'Does your device show this code?',
  compareLead: (code: string) =>
    say`Continue only if a device in front of you shows ${code}. If someone sent you this link, close this page.`,
  code: 'Code',
  submit: 'Continue',
  wrong: 'This code isn’t valid. Check your device again: codes expire after a few minutes.',
  tooMany: 'Too many wrong codes. Wait 15 minutes, or open the link that your device shows.',
  phone: 'Continue on your phone',
  qr: 'QR code of this page’s address',
  as: (name: string) => say`You’re signed in as ${name}.`,
  allowed: 'Your device is connected',
  allowedText: (client: string) =>
    `${client} has the access that you allowed. You can close this page and go back to your device.`,
  denied: 'Your device wasn’t connected',
  deniedText: (client: string) => `${client} gets no access. You can close this page.`,
};
