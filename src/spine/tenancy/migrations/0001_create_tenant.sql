create table tenancy.tenant (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{1,39}$'),
  name text not null,
  country text not null check (country ~ '^[A-Z]{2}$'),
  zone text not null,
  languages text[] not null check (cardinality(languages) > 0),
  cell text not null,
  clock_offset_ms bigint not null default 0,
  hosts text[] not null default '{}',
  brand jsonb not null default '{}',
  synthetic boolean not null default false
);
comment on table tenancy.tenant is 'The directory: which host leads to which tenant and which cell holds it. No personal data. Read from the home cell.';
