alter table jobs.job
  -- 0 urgent, 1 usual, 2 bulk: what is urgent never waits behind the others.
  add column prio smallint not null default 1,
  -- Whether its handler takes many at once; such jobs are claimed by the hundred, others as they can be run.
  add column many boolean not null default false,
  -- An earlier job of its key was there when it came: no claim looks at it until that one has ended.
  add column blocked boolean not null default false;
create index job_claim on jobs.job (many, prio, run_at, id) where lease_until is null and dead_at is null and not blocked;
create index job_blocked on jobs.job (tenant, name, key, id) where blocked;
create index job_dead on jobs.job (tenant, id) where dead_at is not null;
drop index jobs.job_ready;

create table jobs.schedule (
  tenant uuid not null,
  name text not null,
  cron text not null,
  zone text not null,
  next_at timestamptz not null,
  last_at timestamptz,
  primary key (tenant, name)
);
comment on table jobs.schedule is 'When each schedule of a tenant fires next; moved by compare-and-set in the commit of the job that it makes.';
create index schedule_due on jobs.schedule (next_at);
