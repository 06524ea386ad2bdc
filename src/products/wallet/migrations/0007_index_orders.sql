-- An account belongs to one tenant. Led by the tenant, the index was taken for an order by its id while the table had no statistics, and all of the
-- tenant's orders were read along it.
create index bank_order_of on wallet.bank_order (account, created_at);
drop index wallet.bank_order_account;
