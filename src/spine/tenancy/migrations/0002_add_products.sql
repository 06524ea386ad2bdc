alter table tenancy.tenant add column products text[] not null default '{taxrefund}';
comment on column tenancy.tenant.products is 'Products that the tenant has turned on; the first one stands at its front page.';
