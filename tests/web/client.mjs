/**
 * Uses every method of the client against a running server, and prints what came of each as one JSON object.
 * Arguments: the client's file, the server's address, a service key.
 */
import { pathToFileURL } from "node:url";

const [file, baseUrl, key] = process.argv.slice(2);
const { getMemoryManagement, MemoryError, MemoryManagement } = await import(pathToFileURL(file));

/** @type {Record<string, unknown>} */
const found = {};

/** Keep what a promise becomes under a name. */
async function keep(name, promise) {
  try {
    found[name] = { value: (await promise) ?? null };
  } catch (error) {
    const { code, status, message, answer } = error;
    found[name] = { error: { ours: error instanceof MemoryError, name: error.name, code, status, message, answer } };
  }
  return found[name].value;
}

// before anything is configured
await keep("unconfigured", getMemoryManagement().getStats());

const memory = getMemoryManagement({ baseUrl: `${baseUrl}/`, key });
found.shared = { value: memory === getMemoryManagement() && memory === getMemoryManagement({ key }) };

// the chat integration: take the current session up or make one, then keep every message and note it in the log
async function chat() {
  const current = await memory.getCurrentSession();
  if (current) return current.id;
  const made = await memory.createSession("Renata Chat Session");
  await memory.setCurrentSession(made.id);
  return made.id;
}
async function handleMessage(currentSessionId, content, role) {
  await memory.addMessage({ session_id: currentSessionId, role, content, timestamp: new Date() });
  await memory.addLog({
    level: "info",
    category: "chat",
    source: "RenataChat",
    message: `${role} message sent`,
    data: { session_id: currentSessionId },
  });
}
const mounted = await chat();
await handleMessage(mounted, "Run the LC D2 scanner", "user");
await handleMessage(mounted, "It ran", "assistant");
found.integration = {
  value: {
    mounted,
    again: await chat(),
    said: (await memory.getMessages(mounted)).map((each) => [each.role, each.content]),
    logs: (await memory.getLogs({ category: "chat", source: "RenataChat" })).map((each) => each.message),
  },
};

// every method once
const session = await keep("createSession", memory.createSession("A", { project_id: "p", metadata: { a: 1 } }));
await keep("createSessionWithDescription", memory.createSession("B", "of this"));
await keep("setCurrentSession", memory.setCurrentSession(session.id));
await keep("getCurrentSession", memory.getCurrentSession());
await keep("unsetCurrentSession", memory.setCurrentSession(null));
await keep(
  "addMessage",
  memory.addMessage({
    session_id: session.id,
    role: "user",
    content: "zucchini",
    metadata: { m: 1 },
    timestamp: new Date("2025-12-28T09:30:00Z"),
  }),
);
await keep("getMessages", memory.getMessages(session.id, 5));
await keep("organizeMessages", memory.organizeMessages(session.id, { limit: 5 }));
await keep("searchMessages", memory.searchMessages("zucchin", { session_id: session.id }));
await keep("getSessions", memory.getSessions({ project_id: "p", is_archived: false, limit: 5 }));
await keep("getSession", memory.getSession(session.id));
await keep("updateSession", memory.updateSession(session.id, { description: "d" }));
await keep("archiveSession", memory.archiveSession(session.id));
await keep("unarchived", memory.updateSession(session.id, { is_archived: false }));
await keep("addLog", memory.addLog({ message: "x", level: "warn", data: { n: 1 } }));
await keep("getLogs", memory.getLogs({ level: "warn", since: new Date(0), limit: 1 }));
await keep("clearLogs", memory.clearLogs({ level: "warn", olderThan: new Date("2100-01-01") }));
const snapshot = await keep("saveSnapshot", memory.saveSnapshot({ name: "S", state_data: { columns: ["a"] } }));
await keep("getSnapshots", memory.getSnapshots({ limit: 1 }));
await keep("getSnapshot", memory.getSnapshot(snapshot.id));
await keep("loadSnapshot", memory.loadSnapshot(snapshot.id));
const text = await keep("exportSnapshot", memory.exportSnapshot(snapshot.id));
await keep("importSnapshot", memory.importSnapshot(text));
await keep("deleteSnapshot", memory.deleteSnapshot(snapshot.id));
const everything = await keep("exportAll", memory.exportAll());
await keep("importAll", memory.importAll(everything));
await keep("getRetentionPolicy", memory.getRetentionPolicy());
await keep("setRetentionPolicy", memory.setRetentionPolicy({ log_retention_days: 14 }));
await keep("startAutoCleanup", memory.startAutoCleanup());
await keep("stopAutoCleanup", memory.stopAutoCleanup());
await keep("performCleanup", memory.performCleanup());
await keep("getStats", memory.getStats());
await keep("deleteSession", memory.deleteSession(session.id));

// what goes wrong
const wrong = new MemoryManagement({ baseUrl, key: "wrong" });
await keep("wrongKey", wrong.getStats());
await keep("noKey", new MemoryManagement({ baseUrl }).getStats());
await keep("unknownSession", memory.getSession("session_abc123"));
await keep("messageToUnknown", memory.addMessage({ session_id: "session_abc123", role: "user", content: "x" }));
await keep("wrongRole", memory.addMessage({ session_id: mounted, role: "narrator", content: "x" }));
await keep("refusedPolicy", memory.setRetentionPolicy({ max_sessions: 0 }));
await keep("refusedImport", memory.importAll('{"foo": 1}'));
await keep("serverGone", new MemoryManagement({ baseUrl: "http://127.0.0.1:1", key }).getStats());
await keep("notAMemory", new MemoryManagement({ baseUrl: `${baseUrl}/assets`, key }).getStats());
const never = () => new Promise((_, fail) => setTimeout(() => fail(new DOMException("late", "TimeoutError")), 1));
await keep("tooLate", new MemoryManagement({ baseUrl, key, fetch: never, timeoutMs: 1 }).getStats());
const page = '<html>proxy</html>';
const proxy = async () => new Response(page, { status: 502 });
await keep("notJson", new MemoryManagement({ baseUrl, key, fetch: proxy }).getStats());

found.methods = {
  value: Object.getOwnPropertyNames(MemoryManagement.prototype).filter((name) => name !== "constructor"),
};
console.log(JSON.stringify(found));
