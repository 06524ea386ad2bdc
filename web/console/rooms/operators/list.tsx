import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { MadeLink, MANAGE, refusal, RoleOptions, roleText, typed, w } from './parts.tsx';

type Roles = Awaited<ReturnType<typeof client.getOperators>>['roles'];

function Add({ roles }: { roles: Roles }): ReactNode {
  const queries = useQueryClient();
  const [round, setRound] = useState(0);
  const add = useMutation({
    mutationFn: async (form: FormData) => {
      const name = typed(form, 'name');
      return { name, made: await client.postOperators({ body: { name, role: typed(form, 'role') } }) };
    },
    onSuccess: async () => {
      setRound((n) => n + 1);
      await queries.invalidateQueries({ queryKey: ['operators'] });
    },
  });
  return (
    <section>
      <h2>{w.add}</h2>
      <p className="quiet">{w.addText}</p>
      <form className="card" key={round} onSubmit={(event) => {
        event.preventDefault();
        add.mutate(new FormData(event.currentTarget));
      }}>
        <label htmlFor="op-name">{w.name}</label>
        <input id="op-name" name="name" required minLength={2} maxLength={64} autoComplete="off" spellCheck={false} aria-describedby="op-hint op-said" />
        <p className="hint" id="op-hint">{w.nameHint}</p>
        <label htmlFor="op-role">{w.role}</label>
        <select id="op-role" name="role" required defaultValue="">
          <option value="" disabled>{words.none}</option>
          <RoleOptions roles={roles} />
        </select>
        <div className="actions"><button type="submit" className="main" disabled={add.isPending}>{w.addGo}</button></div>
        <p role="status" id="op-said">{refusal(add.error)}</p>
      </form>
      {add.data && <MadeLink made={add.data.made} name={add.data.name} />}
    </section>
  );
}

export function Operators(): ReactNode {
  const me = useMe();
  const found = useQuery({ queryKey: ['operators'], queryFn: ({ signal }) => client.getOperators({}, { signal }) });
  return (
    <Page title={words.rooms.operators.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ operators, roles }) => (
        <>
          <Table caption={w.list} empty={words.none} rows={operators} keyOf={(o) => o.operator} columns={[
            { name: w.name, text: (o) => o.name, cell: (o) => (
              <Link to="/operators/$operator" params={{ operator: o.operator }}>{o.operator === me.operator ? fill(w.you, { name: o.name }) : o.name}</Link>
            ) },
            { name: w.role, cell: (o) => roleText(o.role) }, { name: w.state, cell: (o) => w.states[o.state] },
            { name: w.last, cell: (o) => (o.lastSignInAt === null ? w.never : <When at={o.lastSignInAt} />),
              text: (o) => (o.lastSignInAt === null ? w.never : whenText(o.lastSignInAt)) },
            { name: w.sessions, cell: (o) => o.sessions, number: true },
          ]} />
          {me.permissions.includes(MANAGE) && <Add roles={roles} />}
          <Table caption={w.rolesTable} empty={words.none} rows={roles} keyOf={(r) => r.role} columns={[
            { name: w.role, cell: (r) => roleText(r.role) }, { name: w.may, text: (r) => r.permissions.join(', '),
              cell: (r) => <span className="wrap">{r.permissions.join(', ')}</span> },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
