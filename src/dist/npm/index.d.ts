/** What loadExtension takes. */
export function getLoadablePath(): string;
/** Loads it into a database of better-sqlite3, or of node:sqlite opened with allowExtension. */
export function load(db: { loadExtension(path: string): unknown }): void;
