alter table wallet.document add column disposing_at timestamptz;
alter table wallet.document add column disposed_at timestamptz;
alter table wallet.document add constraint document_disposed check (disposed_at is null or disposing_at is not null);
comment on table wallet.document is 'Documents of a case: what each is and where it is kept, sealed under its holder''s key. The bytes are never here. From `disposing_at` on nobody is given it; at `disposed_at` its object was gone, unless another document stands for the same one.';
create index document_object on wallet.document (tenant, object);

alter table wallet.kyc_case add column disposing_at timestamptz;
comment on column wallet.kyc_case.disposing_at is 'When the time to keep its documents was over.';
create index kyc_case_kept on wallet.kyc_case (tenant, id) where disposing_at is null and state <> 'open';
