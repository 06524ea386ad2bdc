-- As a function in SQL each link costs an executor of its own; PL/pgSQL evaluates the one expression.
create or replace function audit.link(before bytea, start bytea, leaf bytea) returns bytea language plpgsql immutable parallel safe as $$
begin
  return sha256(coalesce(before, start) || leaf);
end $$;
