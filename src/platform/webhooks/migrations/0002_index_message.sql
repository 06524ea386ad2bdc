create index delivery_message on webhooks.delivery (tenant, message);
