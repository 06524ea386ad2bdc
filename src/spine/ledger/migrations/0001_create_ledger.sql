create table ledger.book (
  tenant uuid primary key,
  sealed_through date
);
comment on table ledger.book is 'One row a tenant: up to which day its books are sealed. A back-dated transfer shares its lock with others, a sealing holds it alone.';

create table ledger.chart (
  tenant uuid not null,
  code text not null check (code ~ '^[a-z0-9][a-z0-9.-]{0,39}$'),
  kind text not null check (kind in ('asset', 'liability', 'equity', 'income', 'expense')),
  normal_debit boolean not null,
  minimum bigint,
  maximum bigint,
  no_debit boolean not null,
  no_credit boolean not null,
  primary key (tenant, code)
);
comment on table ledger.chart is 'A tenant''s chart of accounts: the code, kind, direction and guards that accounts are opened with.';

create table ledger.account (
  -- Changed by each batch that touches the account; nothing that is indexed ever changes, so updates stay on their page.
  no int generated always as identity primary key,
  posted bigint not null default 0,
  pending_in bigint not null default 0 check (pending_in >= 0),
  pending_out bigint not null default 0 check (pending_out >= 0),
  last_at_us bigint not null default 0,
  minimum bigint,
  maximum bigint,
  tenant uuid not null,
  id uuid not null,
  flags smallint not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  code text not null,
  holder uuid,
  opened_at timestamptz not null,
  constraint account_not_below check (posted - pending_out >= minimum),
  constraint account_not_above check (posted + pending_in <= maximum),
  foreign key (tenant, code) references ledger.chart (tenant, code)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table ledger.account is 'Accounts. Balances are in the account''s own direction, in minor units. flags: 1 a debit raises it, 2 no debit, 4 no credit, 8 frozen, 16 closing, 32 closed.';
-- No index here or on transfers begins with the tenant: row-level security asks for the tenant in every statement, and a planner that has
-- no statistics yet would take such an index for all of them.
create unique index account_id on ledger.account (id);
create index account_holder on ledger.account (holder) where holder is not null;

create table ledger.transfer (
  debit int,
  credit int,
  amount bigint not null,
  at_us bigint not null,
  debit_balance bigint,
  credit_balance bigint,
  tenant uuid not null,
  id uuid not null,
  trace uuid not null,
  kind smallint not null check (kind between 1 and 7),
  result smallint not null,
  code smallint not null,
  effective date,
  leg smallint,
  "group" uuid,
  target uuid,
  expires_at_us bigint,
  debit_in bigint, debit_out bigint, credit_in bigint, credit_out bigint,
  asked text,
  -- A name of a tenant's own becomes an id by a hash of both, so ids of two tenants cannot meet.
  primary key (id) with (fillfactor = 100),
  -- One amount on one row for both sides: debits equal credits by construction.
  constraint transfer_sound check (case when result = 0
    then asked is null and debit <> credit and debit is not null and credit is not null and debit_balance is not null and credit_balance is not null
      and (amount > 0 or (amount = 0 and kind in (3, 4, 5)))
    else asked is not null and debit is null and credit is null and target is null end)
);
comment on table ledger.transfer is 'One row a transfer, refused ones too: both accounts, the amount and both balances after it. kind: 1 transfer, 2 pending, 3 closing, 4 post, 5 void, 6 expire, 7 reversal. Pending sums are null where they are 0. Insert-only.';
-- What was refused names its accounts and its target in "asked" alone, so that these indexes hold nothing but the books.
create index transfer_debit on ledger.transfer (debit, at_us) where debit is not null;
create index transfer_credit on ledger.transfer (credit, at_us) where credit is not null;
create unique index transfer_resolves on ledger.transfer (target) where kind in (4, 5, 6);
create index transfer_reverses on ledger.transfer (target) where kind = 7;
create index transfer_group on ledger.transfer ("group", leg) where "group" is not null;

create table ledger.dated (
  account int not null,
  effective date not null,
  at_us bigint not null,
  change bigint not null,
  tenant uuid not null,
  primary key (account, at_us)
);
comment on table ledger.dated is 'Movements whose effective day is not the day of recording, once for each side, signed in the account''s direction. Insert-only.';
create index dated_effective on ledger.dated (account, effective, at_us);

create table ledger.hold (
  tenant uuid not null,
  id uuid not null,
  debit int not null,
  credit int not null,
  amount bigint not null check (amount >= 0),
  closes int,
  expires_at_us bigint,
  primary key (id)
);
comment on table ledger.hold is 'Holds that are open. The row goes when its transfer is posted, voided or expired; the transfers stay.';
create index hold_expires on ledger.hold (tenant, expires_at_us) where expires_at_us is not null;

create table ledger.period (
  tenant uuid not null,
  ends_on date not null,
  sealed_at timestamptz not null,
  primary key (tenant, ends_on)
);
comment on table ledger.period is 'Sealed periods: nothing may be dated into them any more. Insert-only.';

create table ledger.summary (
  tenant uuid not null,
  account int not null,
  ends_on date not null,
  balance bigint not null,
  primary key (account, ends_on)
);
comment on table ledger.summary is 'Balance of each account at the end of each sealed period, counted by effective date. Insert-only.';

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are never changed or removed: post a correction', tg_table_name;
end $$;
create trigger transfer_is_final before update or delete or truncate on ledger.transfer for each statement execute function ledger.refuse_change();
create trigger dated_is_final before update or delete or truncate on ledger.dated for each statement execute function ledger.refuse_change();
create trigger period_is_final before update or delete or truncate on ledger.period for each statement execute function ledger.refuse_change();
create trigger summary_is_final before update or delete or truncate on ledger.summary for each statement execute function ledger.refuse_change();
