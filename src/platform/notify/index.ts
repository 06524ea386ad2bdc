export * from './contract.ts';
export { contactsShown, setContact } from './service/contacts.ts';
export { noticeTopics } from './routes.ts';
export { NoticeKinds } from './service/kinds.ts';
export { notify, notifyAll, tells, type Telling } from './service/notify.ts';
export { Pools } from './service/pool.ts';
export { faultOf } from './service/render.ts';
