import { route } from '#kernel';
import { purposeMissing } from '#spine/audit';
import {
  accountUnknown, spanWrong, transferUnknown, zAccountOut, zAccountsOut, zAccountsQuery, zBalanceStory, zExplainQuery, zFindTransfer, zFoundTransfer,
  zFoundTransfers, zLookAccount, zLookTransfer, zSearchTransfers, zStatementOut, zStatementQuery, zTransferStory, zTrialOut, zTrialQuery,
} from './contract.ts';
import { explainAccount, explainOne, findTransfer, listAccounts, readTrial, searchEntries, showAccount } from './service/desk.ts';
import { searchTransfers } from './service/search.ts';

const account = `acc_${'0'.repeat(32)}` as const;
const transfer = `trf_${'0'.repeat(32)}` as const;
const purpose = 'review';
const ofAccount = { scope: 'ledger:read', problems: [accountUnknown, purposeMissing], audit: 'ledger.looked' } as const;

export const accountsRoute = route('GET /ledger/accounts', {
  summary: 'Accounts with their balances, of a code or a currency.', scope: 'ledger:read', input: zAccountsQuery, output: zAccountsOut, problems: [],
  audit: 'ledger.listed', verb: listAccounts, example: { input: { query: { code: 'bank' } } },
});
export const accountRoute = route('GET /ledger/accounts/:account', {
  ...ofAccount, summary: 'One account; for a purpose where somebody holds it.', input: zLookAccount, output: zAccountOut, verb: showAccount,
  example: { input: { params: { account }, query: { purpose } } },
});
export const statementRoute = route('GET /ledger/accounts/:account/entries', {
  ...ofAccount, summary: 'Entries of an account, newest first, of a side, a time and a range of amounts.', input: zStatementQuery, output: zStatementOut,
  verb: searchEntries, example: { input: { params: { account }, query: { purpose } } },
});
export const explainAccountRoute = route('GET /ledger/accounts/:account/explain', {
  ...ofAccount, summary: 'A balance, now or as it was recorded at an instant, and the entries that led to it.', input: zExplainQuery, output: zBalanceStory,
  verb: explainAccount, example: { input: { params: { account }, query: { purpose } } },
});
export const findRoute = route('GET /ledger/transfers', {
  summary: 'The transfer of an id, or of the name that its caller gave it.', scope: 'ledger:read', input: zFindTransfer, output: zFoundTransfer, problems: [],
  verb: findTransfer, example: { input: { query: { id: transfer } } },
});
export const searchRoute = route('GET /ledger/transfers/search', {
  summary: 'Transfers of whichever accounts in a time, newest first, of a currency and a range of amounts.', scope: 'ledger:read', input: zSearchTransfers,
  output: zFoundTransfers, problems: [purposeMissing, spanWrong], priority: 'report', audit: 'ledger.searched', verb: searchTransfers,
  example: { input: { query: { from: '2026-11-01T00:00:00.000Z', to: '2026-11-02T00:00:00.000Z', purpose } } },
});
export const explainTransferRoute = route('GET /ledger/transfers/:transfer/explain', {
  summary: 'A transfer with what it hangs together with, the request that made it, who asked, and the facts about it.', scope: 'ledger:read',
  input: zLookTransfer, output: zTransferStory, problems: [transferUnknown, purposeMissing], audit: 'ledger.looked', verb: explainOne,
  example: { input: { params: { transfer }, query: { purpose } } },
});
export const trialRoute = route('GET /ledger/trial-balance', {
  summary: 'Every code of the books with its balance, now or at the end of a day, and what both sides come to.', scope: 'ledger:read', input: zTrialQuery,
  output: zTrialOut, problems: [], priority: 'report', audit: 'ledger.trial-balance', verb: readTrial, example: { input: {} },
});

export const routes = [accountsRoute, accountRoute, statementRoute, explainAccountRoute, findRoute, searchRoute, explainTransferRoute, trialRoute];
