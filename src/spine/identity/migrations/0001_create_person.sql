create table identity.person (
  tenant uuid not null,
  id uuid not null,
  identifier_index bytea not null,
  birth_index bytea not null,
  phone_index bytea not null,
  profile text not null,
  decoy boolean not null default false,
  enrolled_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, identifier_index)
);
comment on table identity.person is 'A person whom the office knows. Everything readable is sealed in profile; the indexes are keyed hashes. One decoy a tenant does the work of unknown people.';

create table identity.challenge (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  decoy boolean not null,
  guard_key bytea not null,
  browser bytea not null,
  code_mac bytea not null,
  year int not null,
  phone_ending text not null,
  state text not null check (state in ('open', 'used', 'closed')),
  tries int not null,
  sends int not null,
  created_at timestamptz not null,
  last_sent_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant, id)
);
comment on table identity.challenge is 'A sign-in waiting for its code. The code stands as a keyed hash bound to this challenge.';
create index challenge_expires on identity.challenge (expires_at);

create table identity.guard (
  tenant uuid not null,
  key bytea not null,
  wrong int not null,
  window_from timestamptz not null,
  locks int not null,
  locked_until timestamptz,
  primary key (tenant, key)
);
comment on table identity.guard is 'Wrong codes per identity: one count for known devices each, one for all strangers. Kept when the request is refused.';

create table identity.device (
  tenant uuid not null,
  person uuid not null,
  browser bytea not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant, person, browser)
);
comment on table identity.device is 'Browsers that have signed in as a person before, as keyed hashes.';

create table identity.session (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  browser bytea not null,
  refresh_mac bytea not null,
  previous_mac bytea,
  rotated_at timestamptz not null,
  started_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  primary key (tenant, id)
);
comment on table identity.session is 'One sign-in with its refresh family. Ending it here ends it at once, whatever tokens are still about.';
create index session_person on identity.session (tenant, person, started_at);

create table identity.message (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  decoy boolean not null,
  body text,
  state text not null check (state in ('pending', 'sent', 'refused', 'expired', 'dropped')),
  provider_id text,
  created_at timestamptz not null,
  done_at timestamptz,
  expires_at timestamptz not null,
  primary key (tenant, id)
);
comment on table identity.message is 'A text message with a code. Its sealed body is emptied when it was sent.';
