export const en = {
  title: 'People who work here',
  lead: 'Each office of the demo has one operator, and the bank a second one, since two must agree there. Their authenticator would be on a phone; here it is this page.',
  none: 'They are being made. Look again in a moment.',
  open: 'Sign in at {tenant}',
  name: 'Name',
  password: 'Password',
  code: 'Code now',
  left: '{code}, for {seconds} more seconds. Each code works once: for a second sign-in wait for the next one.',
} as const;
