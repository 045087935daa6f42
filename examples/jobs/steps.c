/*
 * Does the steps that its arguments name, one after the other: what the shell is in Kubernetes' examples of jobs.
 *
 *   say TEXT            prints it, and the index of this completion
 *   item FILE           prints the line of FILE whose number is the index, counted from 0
 *   sleep SECONDS
 *   exit CODE
 *   trap                ends as a crash does
 *   take FOLDER         takes one file out of FOLDER, that is: renames it, so that nobody else takes it; exit code 3 if there is none
 *   drain FOLDER        takes all, until none is left
 *   if INDEX STEP ...   does STEP only where this is the index: a number, `even` or `odd`
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long index_of_completion(void) {
    const char *text = getenv("JOB_COMPLETION_INDEX");
    return text ? atol(text) : 0;
}

static void do_sleep(double seconds) {
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&pause, NULL);
}

static int print_item(const char *path) {
    FILE *file = fopen(path, "r");
    char line[256];
    if (!file) return 0;
    for (long number = 0; fgets(line, sizeof line, file); number++) {
        if (number != index_of_completion()) continue;
        line[strcspn(line, "\n")] = 0;
        printf("item %s\n", line);
        fclose(file);
        return 1;
    }
    fclose(file);
    return 0;
}

/* A name that begins with a dot is what somebody else has taken. */
static int take_one(const char *folder) {
    DIR *entries = opendir(folder);
    char from[512], to[512];
    int taken = 0;
    if (!entries) return 0;
    for (struct dirent *entry; !taken && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(from, sizeof from, "%s/%s", folder, entry->d_name);
        snprintf(to, sizeof to, "%s/.%s", folder, entry->d_name);
        taken = rename(from, to) == 0;
        if (taken) printf("took %s\n", entry->d_name);
    }
    closedir(entries);
    return taken;
}

static int is_this(const char *which) {
    if (strcmp(which, "even") == 0) return index_of_completion() % 2 == 0;
    if (strcmp(which, "odd") == 0) return index_of_completion() % 2 == 1;
    return index_of_completion() == atol(which);
}

static void do_step(const char *step, const char *value) {
    if (strcmp(step, "say") == 0) printf("%s, index %ld\n", value, index_of_completion());
    else if (strcmp(step, "sleep") == 0) do_sleep(atof(value));
    else if (strcmp(step, "exit") == 0) exit(atoi(value));
    else if (strcmp(step, "trap") == 0) __builtin_trap();
    else if (strcmp(step, "item") == 0 && !print_item(value)) exit(4);
    else if (strcmp(step, "take") == 0 && !take_one(value)) exit(3);
    else if (strcmp(step, "drain") == 0) while (take_one(value)) do_sleep(0.2);
    fflush(stdout);
}

int main(int count, char **words) {
    int skips = 0;
    for (int at = 1; at < count; at++) {
        if (strcmp(words[at], "if") == 0) {
            if (at + 1 < count) skips = !is_this(words[++at]);
            continue;
        }
        const char *step = words[at];
        const char *value = strcmp(step, "trap") == 0 || at + 1 == count ? "" : words[++at];
        if (!skips) do_step(step, value);
        skips = 0;
    }
    return 0;
}
