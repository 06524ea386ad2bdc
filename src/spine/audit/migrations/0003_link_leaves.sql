create function audit.link(before bytea, start bytea, leaf bytea) returns bytea language sql immutable parallel safe as $$
  select sha256(coalesce(before, start) || leaf)
$$;
comment on function audit.link is 'The next link of the chain: SHA-256(link before ‖ leaf).';

create aggregate audit.chain (start bytea, leaf bytea) (sfunc = audit.link, stype = bytea);
comment on aggregate audit.chain (bytea, bytea) is 'Over leaves in the order of their facts: the link of each, after the link that the chain has so far.';
