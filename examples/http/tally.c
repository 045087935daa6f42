/*
 * A WAGI program: the request comes as CGI has it, in environment variables and on standard input, and what it prints is
 * the answer, headers first. It starts anew for each request. `npm run guests` makes tally.wasm of it.
 *   GET /        says hello, with what the query asks to be called: /?name=Ada
 *   POST /       counts the lines, words and bytes of the body
 *   GET /count   redirects
 *   else         is not found
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static int hello(void) {
    const char *query = variable("QUERY_STRING");
    printf("Content-Type: text/plain\n\nahoy, %s\n", strncmp(query, "name=", 5) == 0 ? query + 5 : "stranger");
    return 0;
}

static int count(void) {
    long lines = 0, words = 0, bytes = 0;
    int inside = 0;
    for (int character; (character = getchar()) != EOF; bytes++) {
        lines += character == '\n';
        words += !inside && !isspace(character);
        inside = !isspace(character);
    }
    printf("Content-Type: application/json\n\n{\"lines\": %ld, \"words\": %ld, \"bytes\": %ld}\n", lines, words, bytes);
    return 0;
}

int main(void) {
    const char *method = variable("REQUEST_METHOD");
    const char *path = variable("PATH_INFO");
    if (strcmp(path, "/count") == 0) return puts("Status: 303 See Other\nLocation: /\n"), 0;
    if (strcmp(path, "/") != 0 && *path) return puts("Status: 404 Not Found\nContent-Type: text/plain\n\nnothing here"), 0;
    return strcmp(method, "POST") == 0 ? count() : hello();
}
