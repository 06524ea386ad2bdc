create table idempotency.answer (
  tenant uuid not null,
  scope bytea not null check (octet_length(scope) = 32),
  body_hash bytea not null,
  answer text not null,
  at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant, scope)
);
comment on table idempotency.answer is 'The one answer that a key was given, sealed. A repeated request is answered from here, done or refused.';
create index answer_expires on idempotency.answer (expires_at);
