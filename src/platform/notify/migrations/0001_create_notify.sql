create table notify.notice (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  kind text not null,
  dedupe text not null,
  data text not null,
  link text,
  campaign uuid,
  trace text not null,
  shown boolean not null,
  seen_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, person, kind, dedupe)
);
comment on table notify.notice is 'One thing told to one person: its kind and the values of its texts, never personal data. The row is the dedupe.';
create index notice_inbox on notify.notice (tenant, person, id) where shown;
create index notice_trace on notify.notice (tenant, trace);
create index notice_unseen on notify.notice (tenant, person) where shown and seen_at is null;

create table notify.message (
  tenant uuid not null,
  id uuid not null,
  notice uuid not null,
  person uuid not null,
  kind text not null,
  channel text not null check (channel in ('inbox', 'push', 'text', 'email')),
  lane text not null check (lane in ('critical', 'normal', 'bulk')),
  state text not null check (state in ('waiting', 'sending', 'sent', 'refused', 'dead', 'suppressed', 'delivered', 'failed', 'opened')),
  reason text,
  not_before timestamptz,
  attempts int not null,
  provider text,
  provider_ref text,
  created_at timestamptz not null,
  sent_at timestamptz,
  done_at timestamptz,
  primary key (tenant, id),
  unique (tenant, notice, channel)
);
comment on table notify.message is 'A notice on one channel, with what became of it and why.';
create index message_state on notify.message (tenant, state, id);
create index message_person on notify.message (tenant, person, id);
create index message_ref on notify.message (tenant, provider, provider_ref) where provider_ref is not null;

create table notify.attempt (
  tenant uuid not null,
  message uuid not null,
  no int not null,
  at timestamptz not null,
  provider text,
  result text,
  primary key (tenant, message, no)
);
comment on table notify.attempt is 'A try to send a message. Without a result nobody knows what came of it.';

create table notify.address (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  channel text not null check (channel in ('email', 'push')),
  value text not null,
  value_index bytea not null,
  state text not null check (state in ('unconfirmed', 'confirmed', 'gone')),
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, person, channel, value_index)
);
comment on table notify.address is 'Where a person is reached beside their phone: sealed, with a keyed hash to know it again.';

create table notify.preference (
  tenant uuid not null,
  person uuid not null,
  kind text not null,
  channel text not null,
  wanted boolean not null,
  changed_at timestamptz not null,
  primary key (tenant, person, kind, channel)
);
comment on table notify.preference is 'What a person chose; without a row the kind’s own choice holds.';

create table notify.quiet (
  tenant uuid not null,
  person uuid not null,
  from_minute int not null,
  to_minute int not null,
  zone text not null,
  primary key (tenant, person)
);
comment on table notify.quiet is 'Hours of the day, in the person’s own zone, in which nothing but critical messages leaves the house.';

create table notify.template (
  tenant uuid not null,
  kind text not null,
  version int not null,
  texts text,
  author uuid not null,
  created_at timestamptz not null,
  primary key (tenant, kind, version)
);
comment on table notify.template is 'A tenant’s own texts of a kind, by version; null goes back to the house’s. Versions stay.';

create table notify.campaign (
  tenant uuid not null,
  id uuid not null,
  texts text not null,
  per_minute int not null,
  people int not null,
  next_at timestamptz not null,
  created_at timestamptz not null,
  primary key (tenant, id)
);
comment on table notify.campaign is 'One announcement to many people, spread by rate from its beginning.';

create table notify.pace (
  tenant uuid not null,
  channel text not null,
  next_at timestamptz not null,
  primary key (tenant, channel)
);
comment on table notify.pace is 'When the next message of a channel may leave, where its providers take only so many a minute.';
