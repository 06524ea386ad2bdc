import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { client, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';

const w = words.operators;

export function Operators(): ReactNode {
  const found = useQuery({ queryKey: ['operators'], queryFn: ({ signal }) => client.getOperators({}, { signal }) });
  return (
    <Page title={words.rooms.operators.name} asOf={found.dataUpdatedAt || undefined}>
      <p className="quiet">{w.text}</p>
      <Answer query={found}>{({ operators }) => (
        <Table caption={w.list} empty={words.none} rows={operators} keyOf={(o) => o.operator} columns={[
          { name: w.name, cell: (o) => o.name }, { name: w.role, cell: (o) => o.role }, { name: w.state, cell: (o) => w.states[o.state] },
        ]} />
      )}</Answer>
    </Page>
  );
}
