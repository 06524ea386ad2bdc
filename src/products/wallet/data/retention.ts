/**
 * How long documents by which a holder is known are kept. Five years after the relationship has ended: FATF Recommendation 11 (2012, amended to 2025),
 * in India the Prevention of Money-laundering Act 2002, section 12 (after the relationship ended or the account was closed, whichever is later),
 * in the United States 31 CFR 1020.220(a)(3)(ii) (after the account is closed). Papers of a refused case serve nothing once nobody can complain any
 * more (storage limitation: GDPR article 5(1)(e), DPDP Act 2023 section 8(7)); half a year is our reading of that. Date: 2026-11-28.
 */
/** Five years, whichever they are: two leap days at most. */
export const KEPT_DAYS_AFTER_END = 5 * 365 + 2;
export const KEPT_DAYS_AFTER_REFUSAL = 180;
