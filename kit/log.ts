import { pino } from "pino";

type Fields = Readonly<Record<string, unknown>>;

/** Structured logging, injected. The message is constant; values are fields; `bind` fixes fields once. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  bind(fields: Fields): Log;
}

/** JSON lines on standard error. Errors under the key `err` keep their stack and cause. */
export function createLog(options: { readonly level: string; readonly name: string }): Log {
  const destination = pino.destination({ dest: 2, sync: true });
  return wrap(pino({ level: options.level, name: options.name }, destination));
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  bind: () => silentLog,
};

function wrap(logger: ReturnType<typeof pino>): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    bind: (fields) => wrap(logger.child(fields)),
  };
}
