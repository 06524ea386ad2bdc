/** Answers are kept longer than any caller retries. */
export const ANSWER_KEPT_MS = 7 * 86_400_000;
/** What a caller is told to wait when its twin is at work. */
export const IN_FLIGHT_RETRY_SECONDS = 1;
