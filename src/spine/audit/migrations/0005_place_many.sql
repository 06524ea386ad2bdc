-- One row and one link for all facts that get their places in one step: those before the last stand in arrays of its row.
alter table audit.leaf
  add column seqs bigint[],
  add column ids uuid[],
  add column leaves bytea,
  add column form smallint not null default 1 check (form in (1, 2)),
  add constraint leaf_whole check ((seqs is null) = (ids is null) and (seqs is null) = (leaves is null)
    and cardinality(ids) = cardinality(seqs) and octet_length(leaves) = 32 * cardinality(seqs));
-- Hashes and ids do not get smaller.
alter table audit.leaf alter column seqs set storage external, alter column ids set storage external, alter column leaves set storage external;
comment on table audit.leaf is 'The places of facts in the chain, dense from 1, as many in a row as one step of the sequencer gave. Insert-only.';
comment on column audit.leaf.pos is 'The place of the last fact of the row; fact_seq, fact_id and leaf_hash are that fact''s.';
comment on column audit.leaf.seqs is 'The facts before the last, in their order; ids and leaves (32 bytes each) are theirs. Null when the row has one fact.';
comment on column audit.leaf.chain_hash is 'SHA-256(link before ‖ each leaf of the row in its order).';
comment on column audit.leaf.form is 'What the leaves are hashes of: 1, the fact''s columns as text in a JSON array; 2, record_send of them.';
create index leaf_fact on audit.leaf (fact_seq);

create function audit.place(fact bigint) returns bigint language sql stable as $$
  select case when fact_seq = fact then pos else pos - cardinality(seqs) - 1 + array_position(seqs, fact) end
  from audit.leaf where fact_seq >= fact order by fact_seq limit 1
$$;
comment on function audit.place(bigint) is 'A fact''s place in the chain; null while it has none.';
