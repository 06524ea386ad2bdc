export declare const INGEST_FLAGS: readonly string[];
export declare const SERVER_FLAGS: readonly string[];
