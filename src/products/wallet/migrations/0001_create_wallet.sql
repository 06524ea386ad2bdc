create table wallet.account (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  ledger uuid not null,
  state text not null check (state in ('open', 'frozen', 'closed')),
  frozen_by text check (frozen_by in ('holder', 'operator')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  primary key (tenant, id),
  check ((state = 'frozen') = (frozen_by is not null))
);
comment on table wallet.account is 'Accounts that people hold. The money itself stands in the ledger account that each names.';
create index account_person on wallet.account (tenant, person, opened_at);
create unique index account_ledger on wallet.account (tenant, ledger);

create table wallet.handle (
  tenant uuid not null,
  handle text not null check (handle ~ '^[a-z][a-z0-9_.]{2,29}$'),
  account uuid not null,
  claimed_at timestamptz not null,
  primary key (tenant, handle)
);
comment on table wallet.handle is 'Names that money can be sent to. A name is chosen by its holder to be known, so it stands in clear.';
create unique index handle_account on wallet.handle (tenant, account);

create table wallet.holder (
  tenant uuid not null,
  person uuid not null,
  tier smallint not null check (tier between 0 and 2),
  since timestamptz not null,
  primary key (tenant, person)
);
comment on table wallet.holder is 'How well a holder is known: 0 by phone only, 1 by the identifier, 2 by documents that two people approved.';

create table wallet.usage (
  tenant uuid not null,
  person uuid not null,
  currency text not null,
  day date not null,
  day_spent bigint not null check (day_spent >= 0),
  day_count int not null check (day_count >= 0),
  month date not null,
  month_spent bigint not null check (month_spent >= 0),
  primary key (tenant, person, currency)
) with (fillfactor = 50);
comment on table wallet.usage is 'What a holder has sent today and this month, in the tenant''s civil days; changed in the commit of the transfer that it counts.';

create table wallet.payment (
  tenant uuid not null,
  id uuid not null,
  payer uuid not null,
  payee uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  cause text not null check (cause in ('transfer', 'request', 'schedule')),
  transfer uuid not null,
  note text,
  at timestamptz not null,
  primary key (tenant, id)
);
comment on table wallet.payment is 'What was paid between holders, and why; the sealed note is for both. Insert-only.';
create unique index payment_transfer on wallet.payment (tenant, transfer);

create table wallet.request (
  tenant uuid not null,
  id uuid not null,
  payee uuid not null,
  payer uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  note text,
  state text not null check (state in ('open', 'accepted', 'declined', 'cancelled')),
  payment uuid,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decided_at timestamptz,
  primary key (tenant, id),
  check ((state = 'accepted') = (payment is not null))
);
comment on table wallet.request is 'Requests for money. An open one past its time counts as expired, whatever the sweeper says.';
create index request_payer on wallet.request (tenant, payer, created_at);
create index request_payee on wallet.request (tenant, payee, created_at);

create table wallet.schedule (
  tenant uuid not null,
  id uuid not null,
  person uuid not null,
  payer uuid not null,
  payee uuid not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  every text not null check (every in ('once', 'week', 'month')),
  first_on date not null,
  next_on date not null,
  state text not null check (state in ('active', 'done', 'stopped')),
  runs int not null default 0,
  last_problem text,
  created_at timestamptz not null,
  primary key (tenant, id)
);
comment on table wallet.schedule is 'Payments that are due on a civil day, once or again and again. A day runs once, however many processes look.';
create index schedule_due on wallet.schedule (tenant, next_on) where state = 'active';
create index schedule_person on wallet.schedule (tenant, person, created_at);

create table wallet.bank_order (
  tenant uuid not null,
  id uuid not null,
  account uuid not null,
  person uuid not null,
  direction text not null check (direction in ('in', 'out')),
  amount bigint not null check (amount > 0),
  currency text not null,
  bank text,
  ending text not null,
  state text not null check (state in ('pending', 'done', 'refused', 'unknown')),
  hold uuid,
  transfer uuid,
  reason text,
  created_at timestamptz not null,
  done_at timestamptz,
  primary key (tenant, id)
);
comment on table wallet.bank_order is 'Money on its way from or to an account at a bank. Of money that leaves, a hold stands until the bank''s answer is known.';
create index bank_order_account on wallet.bank_order (tenant, account, created_at);
create unique index bank_order_transfer on wallet.bank_order (tenant, transfer) where transfer is not null;

create function wallet.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'payments are never changed or removed: pay back';
end $$;
create trigger payment_is_final before update or delete or truncate on wallet.payment for each statement execute function wallet.refuse_change();
