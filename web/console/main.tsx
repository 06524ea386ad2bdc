import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Refused } from './parts/client.ts';
import { router } from './router.tsx';

// Language and appearance are kept by the server in cookies; an address that is passed on should not carry them.
const address = new URL(location.href);
for (const name of ['lang', 'theme']) address.searchParams.delete(name);
history.replaceState(history.state, '', address);

const TRIES_MAX = 2;
const queries = new QueryClient({ defaultOptions: { queries: {
  // What the program has refused it refuses again; a connection may come back.
  retry: (count, error) => !(error instanceof Refused && error.status < 500) && count < TRIES_MAX, staleTime: 2000,
} } });

createRoot(document.getElementById('console') as HTMLElement).render(
  <StrictMode><QueryClientProvider client={queries}><RouterProvider router={router} /></QueryClientProvider></StrictMode>,
);
