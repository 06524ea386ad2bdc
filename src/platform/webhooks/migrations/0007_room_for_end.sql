-- A delivery is written once more in its life, when it is over. Where its page has room for that of each of its rows, no index is written then.
alter table webhooks.delivery set (fillfactor = 45);
