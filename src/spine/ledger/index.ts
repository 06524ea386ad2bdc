export * from './contract.ts';
export { accounts, accountsOf, addChart, balances, freeze, guard, openAccounts } from './service/accounts.ts';
export { post } from './service/post.ts';
export { transferIdOf } from './rules/check.ts';
