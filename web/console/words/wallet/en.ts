/** Words of the wallet's rooms; they come with the rooms, not with the shell. */
export const en = {
  kyc: {
    list: 'Cases', waiting: 'waiting', empty: 'No case waits. One appears here as soon as somebody sends a document to be better known.', emptyOther: 'No case is in this state.',
    state: 'State', states: { open: 'waiting', approved: 'approved', refused: 'refused' }, opened: 'Since', case: 'Case', person: 'Person', papers: 'Documents', approvals: 'Approvals', hits: 'Hits that stand',
    cut: 'Only the oldest {n} are shown.', title: 'Case {id}', toList: 'All cases', asked: 'Asked for', askedText: 'to be known by documents (tier 2)', name: 'Name', birth: 'Date of birth', reason: 'Reason',
    reasons: { unreadable: 'not readable', mismatch: 'does not fit the name or date of birth', expired: 'no longer valid', other: 'does not show what is needed' },
    noPapers: 'Nothing was sent yet.', kind: 'Shows', kinds: { identity: 'who they are', address: 'where they live' }, type: 'File', size: 'Size', sent: 'Sent', download: 'Download', downloadOf: 'Download: {kind}, {type}',
    disposed: 'Not kept any longer since', downloadText: 'Each download is recorded as a look at this person.',
    votes: 'What operators said', noVotes: 'Nobody has decided yet.', operator: 'Operator', you: 'you', verdict: 'Said', verdicts: { approve: 'approved', refuse: 'refused' }, at: 'When',
    hitsFound: 'Like somebody on the sanctions list', noHits: 'The person was like nobody on the list when it was last compared. It is compared again before each approval.', listName: 'Name on the list', entry: 'Entry', listBirth: 'Born', score: 'Alike',
    hitStates: { open: 'to be decided', cleared: 'somebody else', confirmed: 'is the person' }, decision: 'Decision', is: 'Is the person', isNot: 'Is somebody else',
    hitText: 'Whoever is the person can never be approved. A decision stands.', hitDone: 'Recorded: {name}, {state}.',
    decide: 'Decide', four: 'Two different operators must approve; then the person may send more. One operator is enough to refuse, with a reason, and the person may send other documents.',
    approve: 'Approve', refuse: 'Refuse', refuseReason: 'Reason for a refusal', blocked: 'Decide the hits above first: nobody is approved while one stands.',
    over: 'This case is decided: {state}. Nothing more can be said of it.',
    mine: 'You approved this. It waits for a second, different operator.',
    done: { first: 'Your approval is recorded. A second, different operator has to approve as well.', approved: 'The case is approved: two operators agree.', refused: 'The case is refused. The person is told the reason.' },
    problems: {
      'same-operator': 'You have decided this case before. A second, different operator has to look at it.',
      'sanctions-open': 'The person is like somebody on the sanctions list ({hits} to be decided). Decide that first; nothing was recorded.',
      'case-decided': 'This was decided before you: {state}. Nothing was changed.',
      'operator-needed': 'Only an operator who is signed in may decide this.', 'reason-missing': 'A refusal needs a reason.',
    },
  },
  eod: {
    list: 'Runs of the last two months', empty: 'No day was closed yet. Start the first run above: from then on days follow each other without a gap.', day: 'Day', state: 'State', states: { running: 'running', done: 'done' },
    accounts: 'Accounts', of: '{done} of {total}', interest: 'Interest paid', fees: 'Fees taken', started: 'Started', finished: 'Finished',
    start: 'Close a day', startDay: 'Day', go: 'Start the run', startText: 'Interest of the day is worked out for every account; at a month’s end interest is paid and fees are taken. Days are closed one after the other, once they are over.',
    under: 'A run is under way. The next day can be closed when it is done.', watch: 'See the run of {day}',
    title: 'End of {day}', toList: 'All runs', progress: 'Accounts done', rate: '{n} a second', left: 'Time left', noLeft: 'not known yet', pace: 'Pace',
    totals: 'Totals by currency', noTotals: 'Nothing was worked out for any account.', notYet: 'Nothing was worked out so far.', currency: 'Currency', accrued: 'Interest of the day', putOff: 'Put off',
    accruedText: 'Interest of the day is owed to the millionth of the smallest unit; whole units are paid at a month’s end. What is put off could not be booked: interest stays owed, a fee is let go for that month.',
    runDone: 'The day is closed.', runNow: 'The run is under way. It goes on when this page is closed.', unknown: 'This day has no run. Start it from the list.',
    problems: {
      'day-not-over': 'This day is not over yet. The last day that can be closed is {latest}.',
      'day-out-of-order': 'Days are closed one after the other. Close {next} first.',
    },
  },
};
export type WalletWords = typeof en;
