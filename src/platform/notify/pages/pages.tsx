import { confirmForm, confirmPage, unsubscribeForm, unsubscribePage } from './links.tsx';
import { inboxPage, seenForm } from './inbox.tsx';
import { chooseForm, emailForm, preferencesPage, removeForm } from './preferences.tsx';

export { inboxPage, preferencesPage };
export const linkPages = [unsubscribePage, confirmPage];
export const forms = [seenForm, chooseForm, emailForm, removeForm, unsubscribeForm, confirmForm];
