create table wallet.eod_run (
  tenant uuid not null,
  day date not null,
  state text not null check (state in ('running', 'done')),
  -- The last account that was looked at; the next batch begins behind it.
  reached uuid not null,
  total int not null check (total >= 0),
  done int not null check (done >= 0),
  started_at timestamptz not null,
  batch_at timestamptz not null,
  finished_at timestamptz,
  primary key (tenant, day),
  check ((state = 'done') = (finished_at is not null))
);
comment on table wallet.eod_run is 'End-of-day runs: one a business day, and how far each has come. Moved on in the commit of each batch.';

create table wallet.eod_total (
  tenant uuid not null,
  day date not null,
  currency text not null,
  accrued_micro numeric(38, 0) not null,
  interest bigint not null check (interest >= 0),
  fees bigint not null check (fees >= 0),
  put_off int not null check (put_off >= 0),
  primary key (tenant, day, currency)
);
comment on table wallet.eod_total is 'What each run did, by currency: millionths of a minor unit accrued, interest and fees posted, and what the books did not take.';

create table wallet.accrual (
  tenant uuid not null,
  account uuid not null,
  day date not null,
  balance bigint not null,
  rate_ppm int not null check (rate_ppm > 0),
  micro numeric(38, 0) not null check (micro > 0),
  primary key (tenant, account, day)
);
comment on table wallet.accrual is 'Interest of one account and day in millionths of a minor unit, with what it was taken of. Insert-only.';

create table wallet.interest (
  tenant uuid not null,
  account uuid not null,
  owed_micro numeric(38, 0) not null check (owed_micro >= 0),
  through date not null,
  primary key (tenant, account)
);
comment on table wallet.interest is 'What each account is owed in interest and was not paid yet, in millionths of a minor unit: nothing is lost in rounding.';

create function wallet.refuse_accrual_change() returns trigger language plpgsql as $$
begin
  raise exception 'accrued interest is never changed or removed';
end $$;
create trigger accrual_is_final before update or delete or truncate on wallet.accrual for each statement execute function wallet.refuse_accrual_change();
