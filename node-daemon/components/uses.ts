/** For authors whose component exports the other of what can be run. */
export const noCommandMessage =
  "the component exports an HTTP handler (wasi:http/incoming-handler) and no command (wasi:cli/run): give the template " +
  "http: {handler: wasi-http}";

export const noHandlerMessage =
  "the component exports a command (wasi:cli/run) and no HTTP handler (wasi:http/incoming-handler@0.2): leave http out of the " +
  "template, or build a component that exports one";
