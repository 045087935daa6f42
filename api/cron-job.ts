/** On jobs: the cron job that has made them. */
export const cronJobLabel = "wherry.dev/cron-job";
/** On jobs: the time of the schedule that they are for, in UTC. */
export const scheduledAnnotation = "wherry.dev/cron-job-scheduled-timestamp";
/** On jobs that somebody has made from the template of a cron job: `manual`. */
export const instantiateAnnotation = "wherry.dev/cron-job-instantiate";
