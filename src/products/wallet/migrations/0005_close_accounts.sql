create table wallet.closing (
  tenant uuid not null,
  account uuid not null,
  "into" uuid,
  rest bigint not null check (rest >= 0),
  interest bigint not null check (interest >= 0),
  let_go_micro numeric(38, 0) not null check (let_go_micro >= 0),
  requests int not null check (requests >= 0),
  schedules int not null check (schedules >= 0),
  at timestamptz not null,
  primary key (tenant, account),
  check ("into" is not null or (rest = 0 and interest = 0))
);
comment on table wallet.closing is 'What closing an account came to: where its rest went, interest paid before and let go (in millionths of a minor unit), what ended with it. Insert-only.';

create function wallet.refuse_closing_change() returns trigger language plpgsql as $$
begin
  raise exception 'a closed account stays closed: open another one';
end $$;
create trigger closing_is_final before update or delete or truncate on wallet.closing for each statement execute function wallet.refuse_closing_change();

alter table wallet.account add constraint account_closed_at check ((state = 'closed') = (closed_at is not null));

alter table wallet.payment drop constraint payment_cause_check;
alter table wallet.payment add constraint payment_cause_check check (cause in ('transfer', 'request', 'schedule', 'closing'));
