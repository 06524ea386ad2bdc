-- A payment keeps all of its answer, and the request's key as its id: a repeat is answered from here.
alter table wallet.payment add column payee_handle text;
comment on column wallet.payment.payee_handle is 'The name that the payee''s account had when it was paid; null where it had none, and of payments from before names were kept.';
