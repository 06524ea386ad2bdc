create table limits.bucket (
  tenant uuid not null,
  key text not null,
  tokens double precision not null,
  at timestamptz not null,
  primary key (tenant, key)
) with (fillfactor = 70);
comment on table limits.bucket is 'Token buckets that all processes share, for limits that must hold exactly (sign-in). The key is a keyed hash, never a phone or an address.';
