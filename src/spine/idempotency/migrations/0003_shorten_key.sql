-- The first half of the scope's hash names it: a narrower row and half the index. What was asked is compared inside the sealed answer.
alter table idempotency.answer add column key uuid;
update idempotency.answer set key = encode(substring(scope from 1 for 16), 'hex')::uuid;
alter table idempotency.answer drop constraint answer_pkey, add primary key (key), drop column at,
  alter column scope drop not null, alter column body_hash drop not null;
comment on column idempotency.answer.scope is 'Of answers from before keys were shortened, as is body_hash: null since.';
