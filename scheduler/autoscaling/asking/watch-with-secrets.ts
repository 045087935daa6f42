import type { MetricWatch } from "../metric-source.ts";
import type { MetricSecrets } from "../metric-secrets.ts";
import type { QuestionBoard } from "./question-board.ts";
import type { Question } from "./question.ts";

export interface NamedSecrets {
  readonly secrets: MetricSecrets;
  readonly namespace: string;
  readonly names: readonly string[];
}

/** A watch of a question that is asked anew as soon as one of its Secrets is another one. */
export function watchWithSecrets(
  board: QuestionBoard,
  question: Question,
  { secrets, namespace, names }: NamedSecrets,
  changed: () => void,
): MetricWatch {
  const watch = board.watch(question, changed);
  const unwatches = [...new Set(names)].map((name) =>
    secrets.watch(namespace, name, () => board.askNow(question.key)),
  );
  return {
    read: () => watch.read(),
    close: () => {
      watch.close();
      for (const unwatch of unwatches) unwatch();
    },
  };
}
