import { hash } from 'node:crypto';
import { uuid } from '#kernel';
import type { TenantRecord } from '#spine/tenancy';

const fixedId = (slug: string): TenantRecord['id'] => uuid(`0000${hash('sha256', `exchequer demo tenant ${slug}`).slice(0, 28)}`);

/** The offices of the demo. Their names are made up; no authority's name or emblem is used. */
export const demoTenants: readonly TenantRecord[] = [
  {
    id: fixedId('india'), slug: 'india', name: 'Bharat Demo Revenue Office', country: 'IN', zone: 'Asia/Kolkata', languages: ['en', 'hi'], cell: 'IN',
    products: ['taxrefund'], clockOffsetMs: 0,
    hosts: ['india.localhost'], synthetic: true,
    brand: {
      home: '/tax-refunds/{year}', name_en: 'Demo Revenue Office', name_hi: 'डेमो राजस्व कार्यालय', accent: '#0b5d4b', on_accent: '#ffffff',
      accent_dark: '#63c7ac', on_accent_dark: '#08241d',
    },
  },
  {
    id: fixedId('us'), slug: 'us', name: 'Demo Federal Revenue', country: 'US', zone: 'America/New_York', languages: ['en'], cell: 'US',
      products: ['taxrefund'],
    clockOffsetMs: 0,
    hosts: ['us.localhost'], synthetic: true,
    brand: { home: '/tax-refunds/{year}', name_en: 'Demo Federal Revenue', accent: '#1d4f91', on_accent: '#ffffff', accent_dark: '#8db8f2',
      on_accent_dark: '#0b1f3a' },
  },
  {
    id: fixedId('bank'), slug: 'bank', name: 'Demo People’s Bank', country: 'IN', zone: 'Asia/Kolkata', languages: ['en', 'hi'], cell: 'IN',
    products: ['wallet'], clockOffsetMs: 0,
    hosts: ['bank.localhost'], synthetic: true,
    brand: {
      home: '/wallet', name_en: 'Demo People’s Bank', name_hi: 'डेमो जन बैंक', accent: '#5b3a8c', on_accent: '#ffffff', accent_dark: '#c3a8ee',
      on_accent_dark: '#22103f',
    },
  },
];
