/**
 * The client of Ingat's `/api/memory`, for browsers and Node 18 or newer. No dependencies.
 *
 *     import { getMemoryManagement } from "/client.js";
 *     const memory = getMemoryManagement({ key: "ingat_…" });
 *     const session = (await memory.getCurrentSession()) ?? (await memory.createSession("Support chat"));
 *     await memory.setCurrentSession(session.id);
 *     await memory.addMessage({ session_id: session.id, role: "user", content: "My boiler leaks" });
 *
 * Every method returns a promise, and rejects with a MemoryError when it was not done.
 * See docs/api-memory.md for what is sent and answered.
 */

/**
 * @typedef {"debug" | "info" | "warn" | "error"} LogLevel
 * @typedef {"user" | "assistant" | "system" | "tool"} Role
 * @typedef {Record<string, unknown>} Json
 * @typedef {Date | string | number} When a Date, a text in ISO 8601, or milliseconds since 1970
 *
 * @typedef {object} Options
 * @property {string} [baseUrl] address of the server; in a page that it serves it can be left out
 * @property {string} [key] access key; a page of a signed-in browser can read without one
 * @property {typeof fetch} [fetch] what sends requests, by default the global `fetch`
 * @property {number} [timeoutMs] how long an answer may take, 30,000 by default
 *
 * @typedef {object} LogEntry
 * @property {string} id
 * @property {string} timestamp
 * @property {LogLevel} level
 * @property {string} category
 * @property {string} message
 * @property {Json} data
 * @property {string} source
 *
 * @typedef {object} Session
 * @property {string} id
 * @property {string} name
 * @property {string | null} description
 * @property {string | null} project_id
 * @property {string} created_at
 * @property {string} updated_at
 * @property {string} last_activity
 * @property {number} message_count
 * @property {Json} metadata
 * @property {boolean} is_archived
 * @property {string} user_id
 * @property {"active" | "closed" | "archived"} state
 *
 * @typedef {object} ChatMessage
 * @property {string} id
 * @property {string} session_id
 * @property {Role} role
 * @property {string} content
 * @property {string} timestamp
 * @property {Json} metadata
 *
 * @typedef {object} Organization
 * @property {ChatMessage[]} systemMessages
 * @property {ChatMessage[]} userMessages
 * @property {ChatMessage[]} assistantMessages
 * @property {ChatMessage[]} toolMessages
 * @property {Record<string, ChatMessage[]>} byDate by day in UTC, such as `2025-12-28`
 *
 * @typedef {object} StateSnapshot
 * @property {string} id
 * @property {string} name
 * @property {string | null} description
 * @property {string} created_at
 * @property {Json} state_data
 * @property {boolean} is_auto_save
 * @property {string} version
 * @property {number} version_number
 *
 * @typedef {object} RetentionPolicy
 * @property {number} log_retention_days
 * @property {number} max_log_entries
 * @property {number} session_retention_days
 * @property {number} max_sessions
 * @property {boolean} auto_archive_sessions
 * @property {number} cleanup_frequency_hours
 *
 * @typedef {object} CleanupStats
 * @property {number} logs_deleted
 * @property {number} sessions_archived
 * @property {number} sessions_deleted always 0
 * @property {number} space_freed_bytes
 * @property {string} last_cleanup
 * @property {string | null} next_cleanup
 *
 * @typedef {object} Stats
 * @property {{total: number, by_level: Record<string, number>, by_category: Record<string, number>}} logs
 * @property {{total: number, active: number, archived: number, total_messages: number, closed: number}} sessions
 * @property {{total: number, auto_saves: number, manual_saves: number}} snapshots
 * @property {RetentionPolicy} retention_policy
 * @property {string | null} last_cleanup
 * @property {string | null} next_cleanup
 * @property {boolean} auto_cleanup_running
 * @property {boolean} cleanup_running
 */

const PATH = "/api/memory";
const TIMEOUT_MS = 30_000;

/** Why something was not done. */
export class MemoryError extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {string} code stable: one of the server's, or `network_error`, `timeout`, `bad_answer`, `not_configured`
   * @param {number} status HTTP status; 0 when no answer came
   * @param {{cause?: unknown, answer?: Json}} [more]
   */
  constructor(message, code, status, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "MemoryError";
    this.code = code;
    this.status = status;
    /** The whole answer, such as the `errors` of an import. */
    this.answer = more.answer;
  }
}

/** The memory service of one server. `getMemoryManagement` returns the one that a program shares. */
export class MemoryManagement {
  #baseUrl = "";
  /** @type {string | undefined} */
  #key;
  /** @type {typeof fetch | undefined} */
  #fetch;
  #timeoutMs = TIMEOUT_MS;

  /** @param {Options} [options] */
  constructor(options = {}) {
    this.configure(options);
  }

  /**
   * Change what is given of the options.
   * @param {Options} options
   */
  configure(options) {
    if (options.baseUrl !== undefined) this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    if (options.key !== undefined) this.#key = options.key;
    if (options.fetch !== undefined) this.#fetch = options.fetch;
    if (options.timeoutMs !== undefined) this.#timeoutMs = options.timeoutMs;
  }

  // -- sessions

  /**
   * Make a session.
   * @param {string} name
   * @param {string | {description?: string, project_id?: string, metadata?: Json, user_id?: string}} [options]
   *   a text is the description; `user_id` is for keys that are bound to no user
   * @returns {Promise<Session>}
   */
  async createSession(name, options = {}) {
    const rest = typeof options === "string" ? { description: options } : options;
    return (await this.#post("create_session", { name, ...rest })).session;
  }

  /**
   * Return the session that this key is in; null when there is none, or it takes no more messages.
   * @returns {Promise<Session | null>}
   */
  async getCurrentSession() {
    return (await this.#get("sessions", { limit: 1 })).current_session;
  }

  /**
   * Let this key be in a session; null: in none.
   * @param {string | null} session_id
   * @returns {Promise<Session | null>}
   */
  async setCurrentSession(session_id) {
    return (await this.#post("set_current_session", { session_id })).session;
  }

  /**
   * Return sessions, the one used last first.
   * @param {{project_id?: string, is_archived?: boolean, limit?: number, user_id?: string}} [filters]
   * @returns {Promise<Session[]>}
   */
  async getSessions(filters = {}) {
    return (await this.#get("sessions", filters)).sessions;
  }

  /**
   * @param {string} session_id
   * @returns {Promise<Session>}
   */
  async getSession(session_id) {
    return (await this.#get("session", { session_id })).session;
  }

  /**
   * Change what is given; `is_archived: false` brings a session back, so that it takes messages again.
   * @param {string} session_id
   * @param {{name?: string, description?: string | null, project_id?: string | null, metadata?: Json,
   *   is_archived?: boolean}} changes
   * @returns {Promise<Session>}
   */
  async updateSession(session_id, changes) {
    return (await this.#post("update_session", { session_id, ...changes })).session;
  }

  /**
   * Put a session away; its messages stay.
   * @param {string} session_id
   * @returns {Promise<string>} what was done
   */
  async archiveSession(session_id) {
    return (await this.#post("archive_session", { session_id })).message;
  }

  /**
   * Delete a session with its messages; the operation brings it back.
   * @param {string} session_id
   * @returns {Promise<{message: string, operation_id: string}>}
   */
  async deleteSession(session_id) {
    const { message, operation_id } = await this.#delete("delete_session", { session_id });
    return { message, operation_id };
  }

  // -- messages

  /**
   * Add a message to the end of a session.
   * @param {{session_id: string, role: Role, content: string, metadata?: Json, timestamp?: When}} message
   * @returns {Promise<ChatMessage>}
   */
  async addMessage(message) {
    return (await this.#post("add_message", message)).message;
  }

  /**
   * Return the newest messages of a session, oldest first.
   * @param {string} session_id
   * @param {{limit?: number} | number} [options] a number is the limit
   * @returns {Promise<ChatMessage[]>}
   */
  async getMessages(session_id, options = {}) {
    return (await this.#messages(session_id, options)).messages;
  }

  /**
   * Return the newest messages of a session by role and by day.
   * @param {string} session_id
   * @param {{limit?: number} | number} [options] a number is the limit
   * @returns {Promise<Organization>}
   */
  async organizeMessages(session_id, options = {}) {
    return (await this.#messages(session_id, options)).organization;
  }

  /**
   * Return messages that hold every word, or the text as it is, newest first.
   * @param {string} q
   * @param {{session_id?: string, limit?: number, user_id?: string}} [options]
   * @returns {Promise<ChatMessage[]>}
   */
  async searchMessages(q, options = {}) {
    return (await this.#get("search_messages", { q, ...options })).results;
  }

  // -- logs

  /**
   * Keep a log entry.
   * @param {{message: string, level?: LogLevel, category?: string, source?: string, data?: Json, session_id?: string,
   *   timestamp?: When}} entry
   * @returns {Promise<LogEntry>}
   */
  async addLog(entry) {
    return (await this.#post("add_log", entry)).log;
  }

  /**
   * Return log entries that fit every filter, newest first.
   * @param {{level?: LogLevel, category?: string, source?: string, session_id?: string, since?: When,
   *   limit?: number}} [filters]
   * @returns {Promise<LogEntry[]>}
   */
  async getLogs(filters = {}) {
    return (await this.#get("logs", filters)).logs;
  }

  /**
   * Delete the log entries that fit every filter; without filters, all. The operation brings them back.
   * @param {{level?: LogLevel, category?: string, source?: string, olderThan?: When}} [filters]
   * @returns {Promise<{deleted: number, operation_id: string | null}>}
   */
  async clearLogs(filters = {}) {
    const { deleted, operation_id } = await this.#post("clear_logs", { filters });
    return { deleted, operation_id };
  }

  // -- snapshots

  /**
   * Keep a state under a name.
   * @param {{name: string, state_data: Json, description?: string, is_auto_save?: boolean, user_id?: string}} snapshot
   * @returns {Promise<StateSnapshot>}
   */
  async saveSnapshot(snapshot) {
    return (await this.#post("save_snapshot", snapshot)).snapshot;
  }

  /**
   * Return snapshots, newest first.
   * @param {{limit?: number, user_id?: string}} [options]
   * @returns {Promise<StateSnapshot[]>}
   */
  async getSnapshots(options = {}) {
    return (await this.#get("snapshots", options)).snapshots;
  }

  /**
   * @param {string} snapshot_id
   * @returns {Promise<StateSnapshot>}
   */
  async getSnapshot(snapshot_id) {
    return (await this.#get("snapshot", { snapshot_id })).snapshot;
  }

  /**
   * Give a state to what takes it over at the server, and return it; `restored` says whether anything did.
   * @param {string} snapshot_id
   * @returns {Promise<{snapshot: StateSnapshot, restored: boolean, hooks: number, note: string}>}
   */
  async loadSnapshot(snapshot_id) {
    const { snapshot, restored, hooks, note } = await this.#post("load_snapshot", { snapshot_id });
    return { snapshot, restored, hooks, note };
  }

  /**
   * Delete a snapshot; the operation brings it back.
   * @param {string} snapshot_id
   * @returns {Promise<{message: string, operation_id: string}>}
   */
  async deleteSnapshot(snapshot_id) {
    const { message, operation_id } = await this.#delete("delete_snapshot", { snapshot_id });
    return { message, operation_id };
  }

  /**
   * Return a snapshot as a text of JSON.
   * @param {string} snapshot_id
   * @returns {Promise<string>}
   */
  async exportSnapshot(snapshot_id) {
    return (await this.#get("export_snapshot", { snapshot_id })).snapshot_json;
  }

  /**
   * Keep a snapshot that was exported, as a new one.
   * @param {string} snapshot_json
   * @returns {Promise<StateSnapshot>}
   */
  async importSnapshot(snapshot_json) {
    return (await this.#post("import_snapshot", { snapshot_json })).snapshot;
  }

  // -- everything

  /**
   * Return everything that this key may see as a text of JSON.
   * @param {{user_id?: string}} [options]
   * @returns {Promise<string>}
   */
  async exportAll(options = {}) {
    return (await this.#get("export_all", options)).data_json;
  }

  /**
   * Check an export as a whole, then merge it. When it is refused nothing was imported, and the error's `answer.errors`
   * say why.
   * @param {string} data_json
   * @returns {Promise<{imported: number, errors: string[], by_kind: Record<string, number>, skipped: number,
   *   notes: string[]}>}
   */
  async importAll(data_json) {
    const { imported, errors, by_kind, skipped, notes } = await this.#post("import_all", { data_json });
    return { imported, errors, by_kind, skipped, notes };
  }

  // -- upkeep

  /** @returns {Promise<RetentionPolicy>} */
  async getRetentionPolicy() {
    return (await this.#get("retention_policy")).policy;
  }

  /**
   * Change what is given of the retention policy, all or nothing.
   * @param {Partial<RetentionPolicy>} policy
   * @returns {Promise<RetentionPolicy>}
   */
  async setRetentionPolicy(policy) {
    return (await this.#post("set_retention_policy", { policy })).policy;
  }

  /** @returns {Promise<string>} what was done */
  async startAutoCleanup() {
    return (await this.#post("start_auto_cleanup")).message;
  }

  /** @returns {Promise<string>} what was done */
  async stopAutoCleanup() {
    return (await this.#post("stop_auto_cleanup")).message;
  }

  /** @returns {Promise<CleanupStats>} */
  async performCleanup() {
    return (await this.#post("perform_cleanup")).stats;
  }

  /** @returns {Promise<Stats>} */
  async getStats() {
    return (await this.#get("stats")).stats;
  }

  // -- requests

  /** @param {string} session_id @param {{limit?: number} | number} options */
  #messages(session_id, options) {
    return this.#get("messages", { session_id, ...(typeof options === "number" ? { limit: options } : options) });
  }

  /** @param {string} action @param {object} [given] @returns {Promise<any>} */
  #get(action, given = {}) {
    return this.#send("GET", query(action, given));
  }

  /** @param {string} action @param {object} given @returns {Promise<any>} */
  #delete(action, given) {
    return this.#send("DELETE", query(action, given));
  }

  /** @param {string} action @param {object} [given] @returns {Promise<any>} */
  #post(action, given = {}) {
    return this.#send("POST", "", JSON.stringify({ ...given, action }));
  }

  /** @param {string} method @param {string} search @param {string} [body] @returns {Promise<any>} */
  async #send(method, search, body) {
    const url = this.#address() + search;
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const send = this.#fetch ?? globalThis.fetch;
    let response;
    let text;
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      response = await send(url, { method, headers, body, signal, credentials: "same-origin" });
      text = await response.text();
    } catch (error) {
      throw unanswered(error, this.#timeoutMs);
    }
    return answer(response.status, text);
  }

  #address() {
    const origin = this.#baseUrl || globalThis.location?.origin;
    if (!origin || origin === "null") {
      throw new MemoryError(
        "The address of the server is not known. Give it: getMemoryManagement({ baseUrl: … }).",
        "not_configured",
        0,
      );
    }
    return origin + PATH;
  }
}

/** @type {MemoryManagement | undefined} */
let shared;

/**
 * Return the memory service that this program shares, made on the first call; options that are given change it.
 * @param {Options} [options]
 * @returns {MemoryManagement}
 */
export function getMemoryManagement(options = {}) {
  if (shared === undefined) shared = new MemoryManagement(options);
  else shared.configure(options);
  return shared;
}

/** @param {string} action @param {object} given */
function query(action, given) {
  const parameters = new URLSearchParams({ action });
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    parameters.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  return `?${parameters}`;
}

/** @param {number} status @param {string} text @returns {any} */
function answer(status, text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new MemoryError(`The answer (${status}) is not that of a memory.`, "bad_answer", status, { cause: error });
  }
  if (found?.success === true) return found;
  if (typeof found?.error === "string" && typeof found?.code === "string") {
    throw new MemoryError(found.error, found.code, status, { answer: found });
  }
  throw new MemoryError(`The answer (${status}) is not that of a memory.`, "bad_answer", status, { answer: found });
}

/** @param {unknown} error @param {number} timeoutMs */
function unanswered(error, timeoutMs) {
  if (error instanceof Error && error.name === "TimeoutError") {
    const said = `No answer came within ${timeoutMs} ms. A change may have been made; look before you repeat it.`;
    return new MemoryError(said, "timeout", 0, { cause: error });
  }
  return new MemoryError(
    "The server could not be reached, or the connection broke. A change may have been made; look before you repeat it.",
    "network_error",
    0,
    { cause: error },
  );
}
