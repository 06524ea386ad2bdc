import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Facts } from '../../parts/table.tsx';
import { When } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { MadeLink, MANAGE, refusal, RoleOptions, roleText, typed, w, type Listed } from './parts.tsx';

function Actions({ of, roles }: { of: Listed; roles: readonly { readonly role: string }[] }): ReactNode {
  const queries = useQueryClient();
  const [said, say] = useState<string>();
  const input = { params: { operator: of.operator } };
  const settled = { onMutate: () => say(undefined), onSettled: () => queries.invalidateQueries({ queryKey: ['operators'] }) };
  const act = useMutation({
    ...settled, onSuccess: say,
    mutationFn: async (what: 'end' | 'disable' | 'enable') => {
      await { end: client.postOperatorsOperatorSessionsEnd, disable: client.postOperatorsOperatorDisable, enable: client.postOperatorsOperatorEnable }[what](input);
      return fill(w.said[what], { name: of.name });
    },
  });
  const role = useMutation({
    ...settled, onSuccess: () => say(w.said.role),
    mutationFn: (form: FormData) => client.postOperatorsOperatorRole({ ...input, body: { role: typed(form, 'role') } }),
  });
  const link = useMutation({ ...settled, mutationFn: () => client.postOperatorsOperatorLink(input) });
  const busy = act.isPending || role.isPending || link.isPending;
  const other = of.state === 'disabled' ? 'enable' as const : 'disable' as const;
  const newest = [act, role, link].toSorted((a, b) => b.submittedAt - a.submittedAt)[0];
  return (
    <section>
      <h2>{w.actions}</h2>
      <form className="filters" key={of.role} onSubmit={(event) => {
        event.preventDefault();
        role.mutate(new FormData(event.currentTarget));
      }}>
        <div>
          <label htmlFor="op-new-role">{w.newRole}</label>
          <select id="op-new-role" name="role" defaultValue={of.role}><RoleOptions roles={roles} /></select>
        </div>
        <div className="filter-actions"><button type="submit" className="second" disabled={busy}>{w.changeRole}</button></div>
      </form>
      <div className="actions">
        {of.state !== 'disabled' && <button type="button" className="second" disabled={busy} onClick={() => link.mutate()}>{w.newLink}</button>}
        {of.sessions > 0 && <button type="button" className="second" disabled={busy} onClick={() => act.mutate('end')}>{w.end}</button>}
        <button type="button" className="second" disabled={busy} onClick={() => act.mutate(other)}>{w[other]}</button>
      </div>
      <p className="quiet">
        {w.changeRole}: {w.changeRoleText}
        {of.state !== 'disabled' && <><br />{w.newLink}: {w.newLinkText}</>}
        {of.sessions > 0 && <><br />{w.end}: {w.endText}</>}
        <br />{w[other]}: {other === 'disable' ? w.disableText : w.enableText}
      </p>
      <p role="status">{refusal(newest?.error) ?? said}</p>
      {link.data && <MadeLink made={link.data} name={of.name} />}
    </section>
  );
}

/** One operator: what they are, and what may be done about it. */
export function Operator(): ReactNode {
  const me = useMe();
  const { operator: id } = useParams({ from: '/operators/$operator' });
  const found = useQuery({ queryKey: ['operators'], queryFn: ({ signal }) => client.getOperators({}, { signal }) });
  const name = found.data?.operators.find((o) => o.operator === id)?.name;
  return (
    <Page title={name ?? words.rooms.operators.name} asOf={found.dataUpdatedAt || undefined}>
      <p><Link to="/operators">{w.toList}</Link></p>
      <Answer query={found}>{({ operators, roles }) => {
        const one = operators.find((o) => o.operator === id);
        if (!one) return <p className="lead">{w.unknown}</p>;
        return (
          <>
            <Facts rows={[
              [w.role, roleText(one.role)], [w.state, w.states[one.state]],
              [w.last, one.lastSignInAt === null ? w.never : <When key="l" at={one.lastSignInAt} />], [w.sessions, one.sessions],
              [w.may, roles.find((r) => r.role === one.role)?.permissions.join(', ') ?? words.none],
            ]} />
            {me.permissions.includes('audit:read') && <p><Link to="/audit" search={{ actor: one.operator.slice(4) } as never}>{w.actor}</Link></p>}
            {one.operator === me.operator && <p className="quiet">{w.self}</p>}
            {one.operator !== me.operator && me.permissions.includes(MANAGE) && <Actions of={one} roles={roles} />}
          </>
        );
      }}</Answer>
    </Page>
  );
}
