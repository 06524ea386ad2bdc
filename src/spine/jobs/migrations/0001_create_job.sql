create table jobs.job (
  id bigint generated always as identity primary key,
  tenant uuid not null,
  name text not null,
  key text,
  dedupe text,
  data text not null,
  trace text not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  attempts smallint not null default 0,
  attempts_max smallint not null,
  lease_until timestamptz,
  worker uuid,
  last_error text,
  dead_at timestamptz,
  call_key text,
  attempt_no smallint not null default 0,
  sent_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table jobs.job is 'Work to be done later, at least once. A finished job is deleted in the transaction of its effect; a dead one stays until a person decides.';
create index job_ready on jobs.job (run_at, id) where lease_until is null and dead_at is null;
create index job_leased on jobs.job (lease_until) where lease_until is not null and dead_at is null;
create unique index job_dedupe on jobs.job (tenant, name, dedupe) where dedupe is not null and dead_at is null;
create index job_key on jobs.job (tenant, name, key, id) where key is not null and dead_at is null;
