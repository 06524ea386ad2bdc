-- Answers are written in the order in which they expire: a summary of each range of pages finds the old ones, and costs a writer nothing.
drop index idempotency.answer_expires;
create index answer_expires on idempotency.answer using brin (expires_at) with (pages_per_range = 32, autosummarize = on);
