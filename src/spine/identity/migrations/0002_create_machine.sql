create table identity.machine (
  tenant uuid not null,
  id uuid not null,
  name text not null,
  secret text not null,
  permissions text[] not null,
  created_at timestamptz not null,
  disabled_at timestamptz,
  primary key (tenant, id),
  unique (tenant, name)
);
comment on table identity.machine is 'A program that may call us: its signing secret, sealed, and what it may do.';
