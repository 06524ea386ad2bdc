create table webhooks.endpoint (
  tenant uuid not null,
  id uuid not null primary key,
  url text not null,
  description text not null,
  events text[] not null,
  version text not null,
  kind text not null check (kind in ('v1', 'v1a')),
  public_key text,
  secrets text not null,
  headers text not null,
  header_names text[] not null,
  ordered boolean not null,
  revision int not null default 1,
  state text not null default 'active' check (state in ('active', 'disabled')),
  disabled_reason text,
  failures int not null default 0,
  streak int not null default 0,
  first_failure_at timestamptz,
  last_success_at timestamptz,
  open_until timestamptz,
  claimed_at timestamptz not null,
  created_at timestamptz not null
) with (fillfactor = 50);
comment on table webhooks.endpoint is 'Where a tenant’s events are sent. Secrets and custom headers stand sealed.';
create index endpoint_of on webhooks.endpoint (tenant, state);

create table webhooks.message (
  tenant uuid not null,
  id uuid not null,
  topic text not null,
  key text not null,
  version smallint not null,
  at timestamptz not null,
  data text not null,
  primary key (tenant, id)
);
comment on table webhooks.message is 'One row for each event that some endpoint wants, whatever number of endpoints; kept as long as deliveries of it are.';
create index message_at on webhooks.message (tenant, at);

create table webhooks.delivery (
  tenant uuid not null,
  id bigint generated always as identity primary key,
  endpoint uuid not null,
  message uuid not null,
  status text not null default 'waiting' check (status in ('waiting', 'sending', 'done', 'dead')),
  attempts smallint not null default 0,
  manual boolean not null default false,
  ordered boolean not null default false,
  next_at timestamptz,
  lease_until timestamptz,
  worker uuid,
  reason text,
  created_at timestamptz not null,
  done_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table webhooks.delivery is 'One event on its way to one endpoint: claimed under a lease, tried by a ladder, dead after the last try.';
-- Each change of status writes every index that holds the row, so there are few: what is due, what is under way, what has an order, what is listed.
create index delivery_waiting on webhooks.delivery (endpoint, next_at, id) where status = 'waiting';
create index delivery_sending on webhooks.delivery (endpoint, lease_until) where status = 'sending';
create index delivery_ordered on webhooks.delivery (endpoint, id) where ordered and status in ('waiting', 'sending');
create index delivery_of on webhooks.delivery (endpoint, id);

create table webhooks.attempt (
  tenant uuid not null,
  delivery bigint not null,
  no smallint not null,
  endpoint uuid not null,
  at timestamptz not null,
  ms int not null,
  status smallint,
  error text,
  excerpt text,
  primary key (delivery, no)
);
comment on table webhooks.attempt is 'What became of each try: the answer’s status or the error, how long it took, and the beginning of the answer, sealed.';
create index attempt_of on webhooks.attempt (endpoint, at);
