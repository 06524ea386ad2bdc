create table operators.operator (
  tenant uuid not null,
  id uuid not null,
  name text not null,
  name_index bytea not null,
  role text not null,
  state text not null check (state in ('invited', 'active', 'disabled')),
  password text,
  totp text,
  totp_step bigint not null default 0,
  created_at timestamptz not null,
  primary key (tenant, id),
  unique (tenant, name_index)
);
comment on table operators.operator is 'Somebody who works for the tenant. Name, password hash and authenticator secret are sealed; totp_step is the last step whose code was used.';

create table operators.passkey (
  tenant uuid not null,
  id uuid not null,
  operator uuid not null,
  credential_index bytea not null,
  credential text not null,
  counter bigint not null,
  created_at timestamptz not null,
  last_at timestamptz,
  primary key (tenant, id),
  unique (tenant, credential_index)
);
comment on table operators.passkey is 'Public keys that operators sign in with, sealed; found by a keyed hash of the credential''s id.';
create index passkey_operator on operators.passkey (tenant, operator);

create table operators.enrolment (
  tenant uuid not null,
  id uuid not null,
  operator uuid not null,
  secret_mac bytea not null,
  totp text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant, id)
);
comment on table operators.enrolment is 'A link that enrols an operator once. Its secret stands as a keyed hash, the authenticator''s key that it offers sealed.';
create index enrolment_open on operators.enrolment (tenant, operator) where ended_at is null;

create table operators.session (
  tenant uuid not null,
  id uuid not null,
  operator uuid not null,
  secret_mac bytea not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  primary key (tenant, id)
);
comment on table operators.session is 'One sign-in of an operator. Each request asks this row, so ending it ends the session at once.';
create index session_open on operators.session (tenant, operator) where ended_at is null;

create table operators.spent (
  tenant uuid not null,
  challenge bytea not null,
  expires_at timestamptz not null,
  primary key (tenant, challenge)
);
comment on table operators.spent is 'Challenges that a passkey has answered, until they expire: none is answered twice.';
create index spent_expires on operators.spent (tenant, expires_at);
