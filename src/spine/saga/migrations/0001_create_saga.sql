create table saga.saga (
  tenant uuid not null,
  id uuid primary key,
  name text not null,
  version smallint not null,
  key text not null,
  state text not null,
  -- The step that is to be done or undone next, from 0.
  at smallint not null default 0,
  -- Entries that stand in saga.step: what has happened is compared by it before anything else happens.
  moves int not null default 0,
  input text not null,
  vals text not null default '{}',
  problem text,
  error text,
  tries int not null default 0,
  -- When a worker may take it; while one has it, when its lease ends; empty where nothing is to be done by itself.
  next_at timestamptz,
  worker uuid,
  deadline_at timestamptz not null,
  trace text not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  unique (tenant, name, key)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
comment on table saga.saga is 'Steps that belong together: how far each run has come, and when it is to go on.';
create index saga_due on saga.saga (next_at) where next_at is not null;
create index saga_listed on saga.saga (tenant, id);
create index saga_open on saga.saga (tenant, id) where ended_at is null;

create table saga.step (
  tenant uuid not null,
  saga uuid not null,
  no int not null,
  step text not null,
  move text not null,
  result text not null,
  value text,
  problem text,
  by_operator uuid,
  reason text,
  at timestamptz not null,
  primary key (saga, no)
);
comment on table saga.step is 'What became of each step, done and undone, written in the commit of its effect.';
